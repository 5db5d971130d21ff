# What is only known when it has been made: who may do what, and what the outputs say.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  project_id  = "example-project"
  region      = "europe-west1"
  allow_users = ["example.com"]
  image       = "europe-west1-docker.pkg.dev/example-project/contactrelay/worker@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
}

run "delegation" {
  variables {
    producers       = ["serviceAccount:crm@example-project.iam.gserviceaccount.com"]
    operators       = ["group:contact-operators@example.com"]
    contact_readers = ["group:contact-operators@example.com"]
    alert_emails    = ["contact-operators@example.com"]
  }

  assert {
    condition     = output.delegate_client_id == "123456789012345678901" && strcontains(output.delegation_step, "123456789012345678901")
    error_message = "the administrator needs the client ID"
  }
  assert {
    condition     = strcontains(output.delegation_step, "https://www.googleapis.com/auth/contacts")
    error_message = "and the one scope"
  }
  assert {
    condition     = google_project_iam_custom_role.signer[0].permissions == toset(["iam.serviceAccounts.signJwt"])
    error_message = "whoever signs may do nothing else as the delegate"
  }
  assert {
    condition     = google_service_account_iam_member.worker_signs[0].role == "projects/example-project/roles/contactrelay_signer"
    error_message = "the worker signs by the custom role"
  }
  assert {
    condition     = google_cloud_run_v2_worker_pool.worker[0].template[0].service_account == "contactrelay-mocked@example-project.iam.gserviceaccount.com"
    error_message = "the worker runs as its own account"
  }
  assert {
    condition     = alltrue([for alert in google_monitoring_alert_policy.this : contains(alert.notification_channels, "projects/example-project/notificationChannels/1234567890")])
    error_message = "alerts go to somebody"
  }
  assert {
    condition     = output.repository == "europe-west1-docker.pkg.dev/example-project/contactrelay"
    error_message = "where to push the image"
  }
  assert {
    condition     = strcontains(output.operator_environment, "export CONTACTRELAY_DEAD_LETTER_SUBSCRIPTION='contact-changes-dead-operator'")
    error_message = "operators must find the letters"
  }
  assert {
    condition     = jsondecode(google_monitoring_dashboard.this.dashboard_json).displayName == "contactrelay"
    error_message = "the dashboard must be JSON"
  }
  assert {
    condition     = length(google_pubsub_subscription.archive) == 0 && length(google_pubsub_topic.outcomes) == 0 && length(google_secret_manager_secret.tokens) == 0
    error_message = "what nobody asked for"
  }
}

run "tokens" {
  variables {
    credentials          = "tokens"
    allow_users          = []
    token_versions       = { ann = "1", ben = "2" }
    oauth_client_version = "3"
    log_hash_key_secret  = "log-hash-key"
  }

  assert {
    condition     = output.delegate_client_id == null && output.delegation_step == null && length(google_project_iam_custom_role.signer) == 0
    error_message = "there is nobody to sign as"
  }
  assert {
    condition = alltrue([for flag in [
      "--credentials=tokens",
      "--tokens-dir=/secrets/tokens",
      "--oauth-client-file=/secrets/oauth-client/client.json",
      "--log-hash-key-file=/secrets/log-hash-key/key",
    ] : contains(google_cloud_run_v2_worker_pool.worker[0].template[0].containers[0].args, flag)])
    error_message = "the worker must know where its files are"
  }
  assert {
    condition = {
      for volume in google_cloud_run_v2_worker_pool.worker[0].template[0].volumes :
      volume.name => { for item in volume.secret[0].items : item.path => item.version }
      } == {
      "log-hash-key" = { "key" = "latest" }
      "oauth-client" = { "client.json" = "3" }
      "tokens"       = { "ann.json" = "1", "ben.json" = "2" }
    }
    error_message = "a file for each version"
  }
  assert {
    condition     = alltrue(flatten([for volume in google_cloud_run_v2_worker_pool.worker[0].template[0].volumes : [for item in volume.secret[0].items : item.mode == 292]]))
    error_message = "0444 is 292: the worker is not root, and nobody may write"
  }
  assert {
    condition     = google_secret_manager_secret_iam_member.tokens[0].member == google_service_account.worker.member
    error_message = "the worker may read the secret"
  }
}

run "everything" {
  variables {
    archive_days                = 90
    outcomes                    = true
    outcome_readers             = ["serviceAccount:crm@example-project.iam.gserviceaccount.com"]
    native_dead_letter_attempts = 20
    topic_retention_days        = 7
    storage_regions             = ["europe-west1"]
    kms_key                     = "projects/example-project/locations/europe-west1/keyRings/contacts/cryptoKeys/changes"
  }

  assert {
    condition     = google_pubsub_topic_iam_member.native_publisher[0].member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    error_message = "Pub/Sub moves messages as its own account"
  }
  assert {
    condition     = google_pubsub_subscription.changes.dead_letter_policy[0].max_delivery_attempts == 20
    error_message = "the native net was asked for"
  }
  assert {
    condition     = google_pubsub_subscription.archive[0].cloud_storage_config[0].avro_config[0].write_metadata && one(google_storage_bucket.archive[0].lifecycle_rule[0].condition).age == 90
    error_message = "the archive keeps letters with their attributes, for 90 days"
  }
  assert {
    condition     = length(google_storage_bucket_iam_member.archive) == 2
    error_message = "Pub/Sub must be able to write to the bucket"
  }
  assert {
    condition     = google_kms_crypto_key_iam_member.pubsub[0].member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    error_message = "Pub/Sub must be able to use the key"
  }
  assert {
    condition     = contains(keys(google_monitoring_alert_policy.this), "archive-stalled")
    error_message = "an archive that does not work is noticed"
  }
  assert {
    condition     = contains(google_cloud_run_v2_worker_pool.worker[0].template[0].containers[0].args, "--outcome-topic=contact-changes-outcomes")
    error_message = "the worker must know where outcomes go"
  }
}
