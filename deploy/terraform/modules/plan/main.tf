# What an environment consists of, as data: no provider, so that it is validated and tested anywhere.

locals {
  production = var.environment == "production"

  # Two zones: a /24 for what the internet reaches, one for our processes, one for the database, in each.
  zones = ["a", "b"]
  subnets = { for pair in setproduct(["public", "private", "data"], range(length(local.zones))) :
    "${pair[0]}-${local.zones[pair[1]]}" => {
      tier = pair[0]
      zone = local.zones[pair[1]]
      cidr = cidrsubnet(var.network, 8, index(["public", "private", "data"], pair[0]) * 16 + pair[1])
    }
  }

  # Web holds no state. The signer listens on a Unix socket and keeps the record of what it signed, so it, the worker
  # and the follower are one machine: a second signer would be a second day's cap.
  instances = merge(
    { for n in range(local.production ? max(2, var.web_count) : 1) : "web-${n}" => { role = "web", size = "small", zone = local.zones[n % 2] } },
    { "worker-0" = { role = "worker", size = "medium", zone = "a" } },
  )

  # Who may speak to whom; whatever is not here is refused.
  flows = {
    "internet-proxy"  = { from = "internet", to = "proxy", port = 443 }
    "proxy-web"       = { from = "proxy", to = "web", port = 8000 }
    "proxy-stream"    = { from = "proxy", to = "web", port = 8001 }
    "web-database"    = { from = "web", to = "database", port = 5432 }
    "worker-database" = { from = "worker", to = "database", port = 5432 }
    "worker-vendors"  = { from = "worker", to = "internet", port = 443 }
    "web-mail"        = { from = "web", to = "internet", port = 443 } # identity provider's page tokens, and mail by API
  }

  database = {
    version             = "18"
    size                = local.production ? "medium" : "small"
    standby             = local.production
    backup_days         = local.production ? 35 : 7
    deletion_protection = local.production
    parameters = {
      "rds.force_ssl"                       = "1"
      "idle_in_transaction_session_timeout" = "60000"
      "max_connections"                     = local.production ? "400" : "100"
    }
  }

  # Name → who may read it. The values are put there by hand or by Vault; Terraform's state holds none.
  secrets = {
    database_url_owner = ["release"]
    database_url_app   = ["worker"]
    database_url_web   = ["web"]
    secret_key         = ["web", "worker", "release"]
    pii_keys           = ["web", "worker", "release"]
    pii_index_key      = ["web", "worker", "release"]
    jwt                = ["web", "worker"]
    email_url          = ["web", "worker"]
    chain_rpc_urls     = ["web", "worker"]
    alpaca_key_id      = ["worker"]
    alpaca_secret_key  = ["worker"]
    fireblocks_api_key = ["worker"]
    fireblocks_key     = ["worker"]
    signer             = ["worker"] # its unit alone loads it (deploy/systemd)
  }
}
