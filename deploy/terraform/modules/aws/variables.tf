variable "environment" { type = string }
variable "region" { type = string }
variable "network" { type = string }
variable "image_id" { type = string }
variable "subnets" { type = map(object({ tier = string, zone = string, cidr = string })) }
variable "instances" { type = map(object({ role = string, size = string, zone = string })) }
variable "flows" { type = map(object({ from = string, to = string, port = number })) }
variable "secrets" { type = map(list(string)) }
variable "database" {
  type = object({
    version             = string
    size                = string
    standby             = bool
    backup_days         = number
    deletion_protection = bool
    parameters          = map(string)
  })
}
