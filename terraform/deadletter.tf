# Dead letters: their topic and the subscription that operators find them in. A topic without a subscription would lose
# them all.

resource "google_pubsub_topic" "letters" {
  project         = var.project_id
  name            = "${var.topic}-dead"
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

# Neither ordering nor a retry policy: operators look at letters again and again, and remove single ones.
resource "google_pubsub_subscription" "letters" {
  project                    = var.project_id
  name                       = "${var.topic}-dead-operator"
  topic                      = google_pubsub_topic.letters.id
  labels                     = var.labels
  ack_deadline_seconds       = 60
  message_retention_duration = "${var.letters_retention_days * local.day}s"
  deletion_policy            = local.deletion_policy

  expiration_policy {
    ttl = ""
  }
}

# The native net: Pub/Sub moves messages as its own account.

resource "google_pubsub_topic_iam_member" "native_publisher" {
  count = var.native_dead_letter_attempts == null ? 0 : 1

  project = var.project_id
  topic   = google_pubsub_topic.letters.name
  role    = "roles/pubsub.publisher"
  member  = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "native_subscriber" {
  count = var.native_dead_letter_attempts == null ? 0 : 1

  project      = var.project_id
  subscription = google_pubsub_subscription.changes.name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}
