# What would be made, and what is refused. Nothing is applied here: mocks that answer while planning do not go with that.

mock_provider "google" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  project_id  = "example-project"
  region      = "europe-west1"
  allow_users = ["example.com"]
  image       = "europe-west1-docker.pkg.dev/example-project/contactrelay/worker@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
}

run "the_subscription_keeps_the_order_and_everything_else" {
  command = plan

  assert {
    condition     = google_pubsub_subscription.changes.enable_message_ordering && !google_pubsub_subscription.changes.enable_exactly_once_delivery
    error_message = "ordering must be on, exactly-once delivery off"
  }
  assert {
    condition     = google_pubsub_subscription.changes.expiration_policy[0].ttl == "" && google_pubsub_subscription.letters.expiration_policy[0].ttl == ""
    error_message = "a subscription that nobody uses for 31 days would be deleted"
  }
  assert {
    condition     = google_pubsub_subscription.changes.message_retention_duration == "2678400s" && google_pubsub_subscription.letters.message_retention_duration == "2678400s"
    error_message = "31 days are the most that Pub/Sub keeps"
  }
  assert {
    condition     = length(google_pubsub_subscription.changes.dead_letter_policy) == 0
    error_message = "the native dead-letter policy must be off"
  }
  assert {
    condition     = !coalesce(google_pubsub_subscription.letters.enable_message_ordering, false) && length(google_pubsub_subscription.letters.retry_policy) == 0
    error_message = "the operator's subscription has neither ordering nor a retry policy"
  }
  assert {
    condition     = google_pubsub_topic.changes.deletion_policy == "PREVENT" && google_pubsub_subscription.letters.deletion_policy == "PREVENT"
    error_message = "what holds messages must not be destroyed by the way"
  }
}

run "the_worker_is_told_by_flags" {
  command = plan

  variables {
    settings = { "max-calls" = "128" }
  }

  assert {
    condition = toset(google_cloud_run_v2_worker_pool.worker[0].template[0].containers[0].args) == toset([
      "run",
      "--project=example-project",
      "--subscription=contact-changes-worker",
      "--dead-letter-topic=contact-changes-dead",
      "--credentials=delegation",
      "--delegate=contactrelay-delegate@example-project.iam.gserviceaccount.com",
      "--allow-users=example.com",
      "--http=:8080",
      "--max-calls=128",
    ])
    error_message = "these and no other flags"
  }
  assert {
    condition     = google_cloud_run_v2_worker_pool.worker[0].template[0].containers[0].args[0] == "run"
    error_message = "the command comes first"
  }
  assert {
    condition     = { for env in google_cloud_run_v2_worker_pool.worker[0].template[0].containers[0].env : env.name => env.value }["GOMEMLIMIT"] == "921MiB"
    error_message = "Go must know 9 tenths of the memory"
  }
  assert {
    condition     = google_cloud_run_v2_worker_pool.worker[0].scaling[0].manual_instance_count == 1
    error_message = "an empty scaling block is no instance"
  }
  assert {
    condition     = length(google_cloud_run_v2_worker_pool.worker[0].template[0].volumes) == 0
    error_message = "delegation needs no secret"
  }
}

run "without_an_image_there_is_no_worker_and_nobody_misses_it" {
  command = plan

  variables {
    image = null
  }

  assert {
    condition     = length(google_cloud_run_v2_worker_pool.worker) == 0
    error_message = "no image, no worker"
  }
  assert {
    condition     = !contains(keys(google_monitoring_alert_policy.this), "no-instance") && contains(keys(google_monitoring_alert_policy.this), "dead-letters")
    error_message = "an alert for a worker that is not there yet"
  }
}

run "every_alert_leads_to_its_entry" {
  command = plan

  assert {
    condition     = alltrue([for key, alert in google_monitoring_alert_policy.this : endswith(alert.documentation[0].links[0].url, "README.md#alert-${key}")])
    error_message = "the link must end with the alert's anchor"
  }
  assert {
    condition     = alltrue([for alert in google_monitoring_alert_policy.this : alert.conditions[0].condition_prometheus_query_language[0].disable_metric_validation])
    error_message = "a first apply would fail for metrics that do not exist yet"
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.this["letters-expiring"].conditions[0].condition_prometheus_query_language[0].query, "> 2008800")
    error_message = "three quarters of 31 days are 2008800 s"
  }
}

run "refuses_a_tag_for_an_image" {
  command         = plan
  expect_failures = [var.image]

  variables {
    image = "europe-west1-docker.pkg.dev/example-project/contactrelay/worker:latest"
  }
}

run "refuses_delegation_for_everybody" {
  command         = plan
  expect_failures = [var.allow_users]

  variables {
    allow_users = []
  }
}

run "refuses_patterns_of_users" {
  command         = plan
  expect_failures = [var.allow_users]

  variables {
    allow_users = ["*@example.com"]
  }
}

run "refuses_a_setting_that_does_not_exist" {
  command         = plan
  expect_failures = [var.settings]

  variables {
    settings = { "max-cals" = "128" }
  }
}

run "refuses_a_setting_that_the_module_sets" {
  command         = plan
  expect_failures = [var.settings]

  variables {
    settings = { "allow-users" = "example.org" }
  }
}

run "refuses_variables_that_are_not_of_opentelemetry" {
  command         = plan
  expect_failures = [var.environment]

  variables {
    environment = { PEOPLE_EMULATOR_HOST = "127.0.0.1:1" }
  }
}

run "refuses_an_ack_deadline_that_pubsub_refuses" {
  command         = plan
  expect_failures = [var.ack_deadline_seconds]

  variables {
    ack_deadline_seconds = 601
  }
}

run "refuses_too_few_native_attempts" {
  command         = plan
  expect_failures = [var.native_dead_letter_attempts]

  variables {
    native_dead_letter_attempts = 4
  }
}

run "refuses_a_retention_that_pubsub_refuses" {
  command         = plan
  expect_failures = [var.changes_retention_days, var.letters_retention_days]

  variables {
    changes_retention_days = 32
    letters_retention_days = 0
  }
}

run "refuses_to_let_anybody_publish" {
  command         = plan
  expect_failures = [var.producers]

  variables {
    producers = ["allUsers"]
  }
}

run "refuses_too_little_memory_for_the_cpus" {
  command         = plan
  expect_failures = [var.memory_mib]

  variables {
    cpu = 4
  }
}

run "refuses_too_much_memory_for_the_cpus" {
  command         = plan
  expect_failures = [var.memory_mib]

  variables {
    memory_mib = 4097
  }
}

run "refuses_a_delegate_for_tokens" {
  command         = plan
  expect_failures = [var.contact_readers, var.token_versions]

  variables {
    credentials     = "tokens"
    contact_readers = ["group:contact-operators@example.com"]
  }
}

run "refuses_names_that_google_refuses" {
  command         = plan
  expect_failures = [var.project_id, var.region, var.name, var.topic, var.labels, var.log_hash_key_secret, var.kms_key, var.storage_regions]

  variables {
    project_id          = "Example"
    region              = "europe-west1-b"
    name                = "a-name-for-which-accounts-have-no-room"
    topic               = "google-changes"
    labels              = { Team = "crm" }
    log_hash_key_secret = "projects/example-project/secrets/log-hash-key"
    kms_key             = "changes"
    storage_regions     = ["eu"]
  }
}

run "refuses_numbers_out_of_range" {
  command         = plan
  expect_failures = [var.instances, var.cpu, var.topic_retention_days, var.archive_days, var.oldest_change_seconds]

  variables {
    instances             = 1.5
    cpu                   = 3
    topic_retention_days  = 32
    archive_days          = 0
    oldest_change_seconds = 30
  }
}

run "refuses_members_and_addresses_that_are_none" {
  command         = plan
  expect_failures = [var.operators, var.contact_readers, var.outcome_readers, var.alert_emails, var.notification_channels, var.runbook_url]

  variables {
    operators             = ["ann@example.com"]
    contact_readers       = ["allAuthenticatedUsers"]
    outcome_readers       = ["serviceAccount:crm@example-project.iam.gserviceaccount.com"]
    alert_emails          = ["contact-operators"]
    notification_channels = ["1234567890"]
    runbook_url           = "https://example.com/runbook#alerts"
  }
}

run "refuses_other_credentials" {
  command         = plan
  expect_failures = [var.credentials]

  variables {
    credentials = "delegation-key"
  }
}

run "refuses_versions_that_are_none" {
  command         = plan
  expect_failures = [var.token_versions, var.oauth_client_version]

  variables {
    token_versions       = { ann = "newest" }
    oauth_client_version = "latest"
  }
}
