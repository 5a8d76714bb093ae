variable "environment" {
  type        = string
  description = "staging or production: the workspace's name."
  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "Select a workspace: terraform workspace select staging, or production."
  }
}

variable "network" {
  type        = string
  description = "The environment's own /16."
  validation {
    condition     = can(cidrhost(var.network, 0)) && endswith(var.network, "/16")
    error_message = "A /16, such as 10.20.0.0/16."
  }
}

variable "web_count" {
  type    = number
  default = 2
}
