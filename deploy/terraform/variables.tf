variable "region" {
  type    = string
  default = "sa-east-1"
}

variable "network" {
  type = string
}

variable "web_count" {
  type    = number
  default = 2
}

variable "image_id" {
  type        = string
  description = "A machine image with Agora and deploy/systemd."
}
