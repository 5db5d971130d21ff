# What the worker reads as files. Terraform makes the secret and never sees what is in it: versions are added by hand.

resource "google_secret_manager_secret" "tokens" {
  count = var.credentials == "tokens" ? 1 : 0

  project         = var.project_id
  secret_id       = "${var.name}-tokens"
  labels          = var.labels
  deletion_policy = local.deletion_policy

  replication {
    auto {}
  }

  depends_on = [google_project_service.this]
}

resource "google_secret_manager_secret_iam_member" "tokens" {
  count = var.credentials == "tokens" ? 1 : 0

  project   = var.project_id
  secret_id = google_secret_manager_secret.tokens[0].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.worker.member
}

resource "google_secret_manager_secret_iam_member" "log_hash_key" {
  count = var.log_hash_key_secret == null ? 0 : 1

  project   = var.project_id
  secret_id = var.log_hash_key_secret
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.worker.member
}

locals {
  tokens_secret = one(google_secret_manager_secret.tokens[*].secret_id)

  # Files by folder: a version of the secret for each. Those of Cloud Run belong to root, and the worker does not run as
  # root: everybody in the container may read them, nobody write.
  secret_mode = parseint("0444", 8)
  files = {
    for name, folder in {
      tokens = {
        path   = "/secrets/tokens"
        secret = local.tokens_secret
        files  = { for user, version in var.token_versions : "${user}.json" => version if var.credentials == "tokens" }
      }
      oauth-client = {
        path   = "/secrets/oauth-client"
        secret = local.tokens_secret
        files  = { for version in compact([var.oauth_client_version]) : "client.json" => version if var.credentials == "tokens" }
      }
      log-hash-key = {
        path   = "/secrets/log-hash-key"
        secret = var.log_hash_key_secret
        files  = { for secret in compact([var.log_hash_key_secret]) : "key" => "latest" }
      }
    } : name => folder if length(folder.files) > 0
  }
}
