# What modules/plan says, at one provider. Not validated where this was written: the provider could not be had there.

locals {
  sizes    = { small = "t4g.small", medium = "t4g.medium" }
  db_sizes = { small = "db.t4g.small", medium = "db.m7g.large" }
  roles    = toset(["proxy", "web", "worker", "database"])
}

resource "aws_vpc" "this" {
  cidr_block           = var.network
  enable_dns_hostnames = true
}

resource "aws_subnet" "this" {
  for_each          = var.subnets
  vpc_id            = aws_vpc.this.id
  cidr_block        = each.value.cidr
  availability_zone = "${var.region}${each.value.zone}"
}

resource "aws_security_group" "this" {
  for_each = local.roles
  name     = "agora-${var.environment}-${each.key}"
  vpc_id   = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each                     = { for name, flow in var.flows : name => flow if flow.to != "internet" }
  security_group_id            = aws_security_group.this[each.value.to].id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  cidr_ipv4                    = each.value.from == "internet" ? "0.0.0.0/0" : null
  referenced_security_group_id = each.value.from == "internet" ? null : aws_security_group.this[each.value.from].id
}

resource "aws_vpc_security_group_egress_rule" "this" {
  for_each                     = { for name, flow in var.flows : name => flow if flow.from != "internet" }
  security_group_id            = aws_security_group.this[each.value.from].id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  cidr_ipv4                    = each.value.to == "internet" ? "0.0.0.0/0" : null
  referenced_security_group_id = each.value.to == "internet" ? null : aws_security_group.this[each.value.to].id
}

resource "aws_db_subnet_group" "this" {
  name       = "agora-${var.environment}"
  subnet_ids = [for name, subnet in aws_subnet.this : subnet.id if var.subnets[name].tier == "data"]
}

resource "aws_db_parameter_group" "this" {
  name   = "agora-${var.environment}"
  family = "postgres${var.database.version}"
  dynamic "parameter" {
    for_each = var.database.parameters
    content {
      name         = parameter.key
      value        = parameter.value
      apply_method = "pending-reboot"
    }
  }
}

resource "aws_db_instance" "this" {
  identifier                  = "agora-${var.environment}"
  engine                      = "postgres"
  engine_version              = var.database.version
  instance_class              = local.db_sizes[var.database.size]
  allocated_storage           = 100
  max_allocated_storage       = 1000
  storage_encrypted           = true
  multi_az                    = var.database.standby
  backup_retention_period     = var.database.backup_days
  deletion_protection         = var.database.deletion_protection
  username                    = "postgres"
  manage_master_user_password = true
  db_subnet_group_name        = aws_db_subnet_group.this.name
  parameter_group_name        = aws_db_parameter_group.this.name
  vpc_security_group_ids      = [aws_security_group.this["database"].id]
  final_snapshot_identifier   = "agora-${var.environment}-last"
}

resource "aws_secretsmanager_secret" "this" {
  for_each = var.secrets
  name     = "agora/${var.environment}/${each.key}"
}

data "aws_iam_policy_document" "reader" {
  for_each = toset(["web", "worker"])
  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [for name, readers in var.secrets : aws_secretsmanager_secret.this[name].arn if contains(readers, each.key)]
  }
}

data "aws_iam_policy_document" "machine" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  for_each           = data.aws_iam_policy_document.reader
  name               = "agora-${var.environment}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.machine.json
}

resource "aws_iam_role_policy" "this" {
  for_each = data.aws_iam_policy_document.reader
  role     = aws_iam_role.this[each.key].id
  policy   = each.value.json
}

resource "aws_iam_instance_profile" "this" {
  for_each = aws_iam_role.this
  name     = each.value.name
  role     = each.value.name
}

resource "aws_instance" "this" {
  for_each               = var.instances
  ami                    = var.image_id
  instance_type          = local.sizes[each.value.size]
  subnet_id              = aws_subnet.this["private-${each.value.zone}"].id
  vpc_security_group_ids = [aws_security_group.this[each.value.role].id]
  iam_instance_profile   = aws_iam_instance_profile.this[each.value.role].name
  metadata_options { http_tokens = "required" }
  root_block_device { encrypted = true }
  tags = { Name = "agora-${var.environment}-${each.key}" }
}
