# A skeleton: one root, two workspaces. The plan is data (modules/plan); modules/aws makes it so.
#   terraform workspace new staging && terraform plan -var-file=staging.tfvars
terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 5.80" }
  }
  backend "s3" {} # -backend-config=…: a bucket with versions and a lock, in an account of its own
}

provider "aws" {
  region = var.region
  default_tags { tags = { project = "agora", environment = terraform.workspace } }
}

module "plan" {
  source      = "./modules/plan"
  environment = terraform.workspace
  network     = var.network
  web_count   = var.web_count
}

module "aws" {
  source      = "./modules/aws"
  environment = terraform.workspace
  region      = var.region
  network     = var.network
  subnets     = module.plan.subnets
  instances   = module.plan.instances
  flows       = module.plan.flows
  database    = module.plan.database
  secrets     = module.plan.secrets
  image_id    = var.image_id
}
