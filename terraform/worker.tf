# The worker: its account, what that may do, and the pool.

resource "google_service_account" "worker" {
  project      = var.project_id
  account_id   = "${var.name}-worker"
  display_name = "contactrelay: the worker"
  depends_on   = [google_project_service.this]
}

# viewer: run reads the subscription's settings, and refuses one without ordering.
resource "google_pubsub_subscription_iam_member" "worker" {
  for_each = toset(["roles/pubsub.subscriber", "roles/pubsub.viewer"])

  project      = var.project_id
  subscription = google_pubsub_subscription.changes.name
  role         = each.value
  member       = google_service_account.worker.member
}

resource "google_pubsub_topic_iam_member" "worker_letters" {
  project = var.project_id
  topic   = google_pubsub_topic.letters.name
  role    = "roles/pubsub.publisher"
  member  = google_service_account.worker.member
}

# There is nothing narrower than the project to write metrics and traces to. Logs go to standard error, which needs nothing.
resource "google_project_iam_member" "worker_telemetry" {
  for_each = toset(["roles/telemetry.metricsWriter", "roles/telemetry.tracesWriter"])

  project = var.project_id
  role    = each.value
  member  = google_service_account.worker.member
}

resource "google_cloud_run_v2_worker_pool" "worker" {
  count = var.image == null ? 0 : 1

  project             = var.project_id
  location            = var.region
  name                = var.name
  labels              = var.labels
  deletion_protection = var.deletion_protection

  # The API has no other scaling than this, whatever the provider takes.
  scaling {
    manual_instance_count = var.instances
  }

  template {
    service_account = google_service_account.worker.email

    containers {
      image = var.image
      args  = local.args

      dynamic "env" {
        for_each = local.environment
        content {
          name  = env.key
          value = env.value
        }
      }

      resources {
        limits = {
          cpu    = tostring(var.cpu)
          memory = "${var.memory_mib}Mi"
        }
      }

      # Both ask whether the process makes progress, and never anything remote: a worker that waits for Google to come
      # back must not be killed for it. 30 s to start: reading the settings and the tokens takes a few.
      startup_probe {
        period_seconds    = 3
        timeout_seconds   = 2
        failure_threshold = 10

        http_get {
          path = "/livez"
          port = local.http_port
        }
      }

      # SIGKILL is the answer to a failed one, without the drain: a minute of silence is no hiccup any more.
      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 5
        failure_threshold = 6

        http_get {
          path = "/livez"
          port = local.http_port
        }
      }

      dynamic "volume_mounts" {
        for_each = local.files
        content {
          name       = volume_mounts.key
          mount_path = volume_mounts.value.path
        }
      }
    }

    dynamic "volumes" {
      for_each = local.files
      content {
        name = volumes.key

        secret {
          secret       = volumes.value.secret
          default_mode = local.secret_mode

          dynamic "items" {
            for_each = volumes.value.files
            content {
              path    = items.key
              version = items.value
              mode    = local.secret_mode
            }
          }
        }
      }
    }
  }

  lifecycle {
    # gcloud and the console leave their names there.
    ignore_changes = [client, client_version]
  }

  # Not before it may do what it does first.
  depends_on = [
    google_pubsub_subscription_iam_member.worker,
    google_pubsub_topic_iam_member.worker_letters,
    google_pubsub_topic_iam_member.worker_outcomes,
    google_project_iam_member.worker_telemetry,
    google_secret_manager_secret_iam_member.tokens,
    google_secret_manager_secret_iam_member.log_hash_key,
    google_service_account_iam_member.worker_signs,
  ]
}
