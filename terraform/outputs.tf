output "delegate_client_id" {
  description = "Client ID of the delegate, for the administrator of the Workspace domain; null with tokens."
  value       = one(google_service_account.delegate[*].unique_id)
}

output "delegation_step" {
  description = "What the administrator of the Workspace domain does by hand, once."
  value = local.delegated == 0 ? null : join("\n", [
    "As a super administrator of the users' domain open https://admin.google.com/ac/owl/domainwidedelegation",
    "(Security > Access and data control > API controls > Manage domain-wide delegation), Add new:",
    "  Client ID:    ${google_service_account.delegate[0].unique_id}",
    "  OAuth scopes: https://www.googleapis.com/auth/contacts",
    "It can take 24 hours until it holds everywhere; the worker waits for it.",
  ])
}

output "tokens_secret" {
  description = "Secret whose versions are the users' tokens; null with delegation."
  value       = local.tokens_secret
}

output "repository" {
  description = "Where to push the image."
  value       = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.this.repository_id}"
}

output "topic" {
  description = "Topic to publish changes to."
  value       = google_pubsub_topic.changes.id
}

output "outcomes_subscription" {
  description = "Subscription with the outcomes of changes; null without outcomes."
  value       = one(google_pubsub_subscription.outcomes[*].id)
}

output "worker_account" {
  description = "Account that the worker runs as."
  value       = google_service_account.worker.email
}

output "archive" {
  description = "Bucket with all dead letters; null without an archive."
  value       = one(google_storage_bucket.archive[*].url)
}

output "operator_environment" {
  description = "What an operator exports before using contactrelay deadletter, publish or check."
  value = join("\n", [
    for name, value in {
      PROJECT                  = var.project_id
      TOPIC                    = google_pubsub_topic.changes.name
      SUBSCRIPTION             = google_pubsub_subscription.changes.name
      DEAD_LETTER_TOPIC        = google_pubsub_topic.letters.name
      DEAD_LETTER_SUBSCRIPTION = google_pubsub_subscription.letters.name
      CREDENTIALS              = var.credentials
      DELEGATE                 = local.delegate
      ALLOW_USERS              = local.flags["allow-users"]
    } : "export CONTACTRELAY_${name}='${value}'" if value != null
  ])
}

output "operator_commands" {
  description = "Where to begin when there are dead letters."
  value = {
    see     = "contactrelay deadletter stats"
    list    = "contactrelay deadletter list --since 7d"
    foresee = "contactrelay deadletter replay --all --dry-run"
    replay  = "contactrelay deadletter replay --all --ramp"
  }
}
