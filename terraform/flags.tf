# How the worker is told what to do: by flags, since one that does not exist stops the revision from starting, while a
# variable of the environment that does not exist is not noticed.

locals {
  http_port = 8080

  # What var.settings may hold. People's address is the service, and there are no keys to give with keyless delegation:
  # --people-endpoint and --key-file are not for this module.
  settings = [
    "attempts",
    "batch-late",
    "batch-max",
    "batch-min",
    "call-timeout",
    "drain",
    "log-format",
    "log-level",
    "log-users",
    "max-bytes",
    "max-calls",
    "max-messages",
    "max-photo-bytes",
    "project-writes-per-minute",
    "refused-for",
    "retry-for",
    "trace-ratio",
    "user-writes-per-minute",
  ]

  # Its address, put together of what is known before the account exists: so a plan shows the flags.
  delegate = local.delegated == 0 ? null : "${google_service_account.delegate[0].account_id}@${var.project_id}.iam.gserviceaccount.com"

  # By flag of contactrelay run; null is left at the program's default.
  flags = {
    "project"           = var.project_id
    "subscription"      = google_pubsub_subscription.changes.name
    "dead-letter-topic" = google_pubsub_topic.letters.name
    "outcome-topic"     = one(google_pubsub_topic.outcomes[*].name)
    "credentials"       = var.credentials
    "delegate"          = local.delegate
    "tokens-dir"        = try(local.files["tokens"].path, null)
    "oauth-client-file" = try("${local.files["oauth-client"].path}/client.json", null)
    "allow-users"       = length(var.allow_users) == 0 ? null : join(",", var.allow_users)
    "http"              = ":${local.http_port}"
    "log-hash-key-file" = try("${local.files["log-hash-key"].path}/key", null)
  }

  args = concat(["run"], [for flag, value in merge(local.flags, var.settings) : "--${flag}=${value}" if value != null])

  environment = merge({
    # Go finds out how many CPUs the container has, not how much memory: from 9 tenths on it collects garbage more eagerly.
    GOMEMLIMIT = "${floor(var.memory_mib * 0.9)}MiB"

    # Metrics and traces go straight to Google. What arrives is a prometheus_target: it must say its project and region,
    # and the service's name becomes the label job, by which alerts and dashboard find it.
    # https://docs.cloud.google.com/stackdriver/docs/reference/telemetry/v1.metrics
    OTEL_EXPORTER_OTLP_ENDPOINT = "https://telemetry.googleapis.com:443"
    OTEL_SERVICE_NAME           = var.name
    OTEL_RESOURCE_ATTRIBUTES    = "gcp.project_id=${var.project_id},cloud.region=${var.region}"
  }, var.environment)
}
