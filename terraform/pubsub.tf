# The queue: the topic of changes and the worker's subscription.

locals {
  # What holds messages goes only when that is said twice: its messages go with it.
  deletion_policy = var.deletion_protection ? "PREVENT" : "DELETE"
  day             = 24 * 60 * 60
}

resource "google_pubsub_topic" "changes" {
  project                    = var.project_id
  name                       = var.topic
  labels                     = var.labels
  kms_key_name               = var.kms_key
  message_retention_duration = var.topic_retention_days == null ? null : "${var.topic_retention_days * local.day}s"
  deletion_policy            = local.deletion_policy

  dynamic "message_storage_policy" {
    for_each = length(var.storage_regions) == 0 ? [] : [var.storage_regions]
    content {
      allowed_persistence_regions = message_storage_policy.value
    }
  }

  depends_on = [google_project_service.this, google_kms_crypto_key_iam_member.pubsub]
}

resource "google_pubsub_topic_iam_member" "producers" {
  for_each = var.producers

  project = var.project_id
  topic   = google_pubsub_topic.changes.name
  role    = "roles/pubsub.publisher"
  member  = each.value
}

resource "google_pubsub_subscription" "changes" {
  project              = var.project_id
  name                 = "${var.topic}-worker"
  topic                = google_pubsub_topic.changes.id
  labels               = var.labels
  ack_deadline_seconds = var.ack_deadline_seconds
  deletion_policy      = local.deletion_policy

  # It cannot be switched on later: another value makes another subscription, and the backlog is lost.
  enable_message_ordering = true
  # It covers acks and not what they stand for, and costs latency: the worker itself sees to it that nothing is done twice.
  enable_exactly_once_delivery = false
  message_retention_duration   = "${var.changes_retention_days * local.day}s"

  # What the worker gives back does not come again at once.
  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  # Without this, 31 days without a worker would delete the subscription and all that waits.
  expiration_policy {
    ttl = ""
  }

  dynamic "dead_letter_policy" {
    for_each = var.native_dead_letter_attempts == null ? [] : [var.native_dead_letter_attempts]
    content {
      dead_letter_topic     = google_pubsub_topic.letters.id
      max_delivery_attempts = dead_letter_policy.value
    }
  }
}
