variables {
  environment = "production"
  network     = "10.20.0.0/16"
}

run "subnets_do_not_overlap" {
  command = plan
  assert {
    condition     = length(distinct([for s in output.subnets : s.cidr])) == 6
    error_message = "Each subnet needs a range of its own."
  }
}

run "production_serves_after_the_loss_of_a_zone" {
  command = plan
  assert {
    condition     = length(distinct([for i in output.instances : i.zone if i.role == "web"])) == 2
    error_message = "Web stands in two zones."
  }
  assert {
    condition     = output.database.standby && output.database.deletion_protection && output.database.backup_days >= 30
    error_message = "Production's database has a standby, and is not deleted by a slip."
  }
}

run "nobody_but_the_proxy_is_reached_from_the_internet" {
  command = plan
  assert {
    condition     = alltrue([for f in output.flows : f.to == "proxy" if f.from == "internet"])
    error_message = "Only the proxy."
  }
  assert {
    condition     = alltrue([for f in output.flows : contains(["web", "worker"], f.from) if f.to == "database"])
    error_message = "Only web and workers speak to the database; the signer does not."
  }
}

run "the_web_reads_no_vendors_key" {
  command = plan
  assert {
    condition = alltrue([for name, readers in output.secrets :
    !contains(readers, "web") if startswith(name, "alpaca") || startswith(name, "fireblocks") || name == "signer"])
    error_message = "A taken web tier must not trade or sign."
  }
  assert {
    condition     = join(",", output.secrets["database_url_owner"]) == "release"
    error_message = "Only a release is the database's owner."
  }
}

run "one_machine_signs" {
  command = plan
  assert {
    condition     = length([for i in output.instances : i if i.role == "worker"]) == 1
    error_message = "A second signer is a second record and a second cap."
  }
}

run "staging_is_small" {
  command = plan
  variables { environment = "staging" }
  assert {
    condition     = length(output.instances) == 2 && !output.database.standby
    error_message = "One of each."
  }
}

run "another_workspace_is_refused" {
  command = plan
  variables { environment = "default" }
  expect_failures = [var.environment]
}
