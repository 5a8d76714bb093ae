output "subnets" { value = local.subnets }
output "instances" { value = local.instances }
output "flows" { value = local.flows }
output "database" { value = local.database }
output "secrets" { value = local.secrets }
