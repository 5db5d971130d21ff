# Outcomes: how each change ended, for the producers.

locals {
  outcomes = var.outcomes ? 1 : 0
}

resource "google_pubsub_topic" "outcomes" {
  count = local.outcomes

  project         = var.project_id
  name            = "${var.topic}-outcomes"
  labels          = var.labels
  kms_key_name    = var.kms_key
  deletion_policy = local.deletion_policy

  dynamic "message_storage_policy" {
    for_each = length(var.storage_regions) == 0 ? [] : [var.storage_regions]
    content {
      allowed_persistence_regions = message_storage_policy.value
    }
  }

  depends_on = [google_project_service.this, google_kms_crypto_key_iam_member.pubsub]
}

resource "google_pubsub_topic_iam_member" "worker_outcomes" {
  count = local.outcomes

  project = var.project_id
  topic   = google_pubsub_topic.outcomes[0].name
  role    = "roles/pubsub.publisher"
  member  = google_service_account.worker.member
}

resource "google_pubsub_subscription" "outcomes" {
  count = local.outcomes

  project                 = var.project_id
  name                    = "${var.topic}-outcomes-producer"
  topic                   = google_pubsub_topic.outcomes[0].id
  labels                  = var.labels
  ack_deadline_seconds    = 60
  enable_message_ordering = true
  deletion_policy         = local.deletion_policy

  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_subscription_iam_member" "outcome_readers" {
  for_each = var.outcome_readers

  project      = var.project_id
  subscription = google_pubsub_subscription.outcomes[0].name
  role         = "roles/pubsub.subscriber"
  member       = each.value
}
