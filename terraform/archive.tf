# The archive: every dead letter in a bucket, past the topic's retention and whatever becomes of the letter.

locals {
  archived = var.archive_days == null ? 0 : 1
}

resource "google_project_service" "storage" {
  count = local.archived

  project            = var.project_id
  service            = "storage.googleapis.com"
  disable_on_destroy = false
}

# What Cloud Storage encrypts as; asking for it makes it.
data "google_storage_project_service_account" "this" {
  count = var.kms_key == null ? 0 : local.archived

  project    = var.project_id
  depends_on = [google_project_service.storage]
}

resource "google_kms_crypto_key_iam_member" "storage" {
  count = var.kms_key == null ? 0 : local.archived

  crypto_key_id = var.kms_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = data.google_storage_project_service_account.this[0].member
}

resource "google_storage_bucket" "archive" {
  count = local.archived

  project                     = var.project_id
  name                        = "${var.project_id}-${var.name}-letters"
  location                    = var.region
  labels                      = var.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  deletion_policy             = local.deletion_policy

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = var.archive_days
    }
  }

  # What is deleted is gone: letters hold personal data, and somebody may have asked for it.
  soft_delete_policy {
    retention_duration_seconds = 0
  }

  dynamic "encryption" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      default_kms_key_name = encryption.value
    }
  }

  depends_on = [google_project_service.storage, google_kms_crypto_key_iam_member.storage]
}

# Pub/Sub writes as its own account. https://cloud.google.com/pubsub/docs/create-cloudstorage-subscription
resource "google_storage_bucket_iam_member" "archive" {
  for_each = local.archived == 0 ? toset([]) : toset(["roles/storage.objectCreator", "roles/storage.legacyBucketReader"])

  bucket = google_storage_bucket.archive[0].name
  role   = each.value
  member = local.pubsub_agent
}

resource "google_pubsub_subscription" "archive" {
  count = local.archived

  project = var.project_id
  name    = "${var.topic}-dead-archive"
  topic   = google_pubsub_topic.letters.id
  labels  = var.labels
  # A file is open for max_duration, which may not be longer than the deadline.
  ack_deadline_seconds = 600
  # As long as can be: what cannot be written waits here until somebody mends it.
  message_retention_duration = "${31 * local.day}s"
  deletion_policy            = local.deletion_policy

  cloud_storage_config {
    bucket                   = google_storage_bucket.archive[0].name
    filename_prefix          = "letters/"
    filename_datetime_format = "YYYY-MM-DD/hh_mm_ssZ"
    filename_suffix          = ".avro"
    max_duration             = "300s"

    # With the attributes: they say why, and what a replay needs.
    avro_config {
      write_metadata = true
    }
  }

  expiration_policy {
    ttl = ""
  }

  depends_on = [google_storage_bucket_iam_member.archive]
}
