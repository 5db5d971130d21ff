# What somebody should know of, each with its entry in the README's runbook. All are PromQL, over Pub/Sub's own metrics
# where those tell, since they come whatever the worker's state, and over the worker's where not.
#
# Pub/Sub measures once a minute and shows it up to 2 minutes later, acknowledgements up to 4. A query at a time sees the
# last value of the 5 minutes before.

resource "google_monitoring_notification_channel" "email" {
  for_each = var.alert_emails

  project      = var.project_id
  display_name = "contactrelay: ${each.value}"
  type         = "email"
  labels       = { email_address = each.value }
  depends_on   = [google_project_service.this]
}

locals {
  runs    = var.image != null && var.instances > 0
  changes = "subscription_id=\"${google_pubsub_subscription.changes.name}\""
  letters = "subscription_id=\"${google_pubsub_subscription.letters.name}\""
  archive = "subscription_id=\"${var.topic}-dead-archive\""
  job     = "job=\"${var.name}\""

  # The anchor of an entry in the runbook is alert- and the key. seconds: for how long the query must hold.
  alerts = {
    # A letter stays until somebody deals with it: one is enough, and at once.
    "dead-letters" = {
      wanted   = true
      severity = "WARNING"
      title    = "There are dead letters"
      seconds  = 0
      query    = <<-EOT
        max({"pubsub.googleapis.com/subscription/num_undelivered_messages", ${local.letters}}) > 0
      EOT
    }

    # A quarter of the retention is left: a week of 31 days.
    "letters-expiring" = {
      wanted   = true
      severity = "CRITICAL"
      title    = "The oldest dead letter is about to be lost"
      seconds  = 0
      query    = <<-EOT
        max({"pubsub.googleapis.com/subscription/oldest_unacked_message_age", ${local.letters}})
          > ${floor(0.75 * var.letters_retention_days * local.day)}
      EOT
    }

    # Half of the retention is left. What waits so long waits for a person.
    "changes-expiring" = {
      wanted   = true
      severity = "CRITICAL"
      title    = "The oldest change is about to be lost"
      seconds  = 0
      query    = <<-EOT
        max({"pubsub.googleapis.com/subscription/oldest_unacked_message_age", ${local.changes}})
          > ${floor(0.5 * var.changes_retention_days * local.day)}
      EOT
    }

    # 5 minutes more: a bulk import that is nearly done is no reason to wake anybody.
    "old-changes" = {
      wanted   = true
      severity = "WARNING"
      title    = "Changes wait for long"
      seconds  = 300
      query    = <<-EOT
        max({"pubsub.googleapis.com/subscription/oldest_unacked_message_age", ${local.changes}})
          > ${var.oldest_change_seconds}
      EOT
    }

    # Acknowledgements show up to 2 minutes later than the backlog: 5 minutes leave that out. Together 20 minutes.
    "no-progress" = {
      wanted   = local.runs
      severity = "ERROR"
      title    = "Changes wait and none is settled"
      seconds  = 300
      query    = <<-EOT
        max({"pubsub.googleapis.com/subscription/num_undelivered_messages", ${local.changes}}) > 0
          unless sum(increase({"pubsub.googleapis.com/subscription/ack_message_count", ${local.changes}}[15m])) > 0
      EOT
    }

    # A worker keeps 4 streams open. A deployment is without any for seconds.
    "no-instance" = {
      wanted   = local.runs
      severity = "CRITICAL"
      title    = "No worker is listening"
      seconds  = 600
      query    = <<-EOT
        absent({"pubsub.googleapis.com/subscription/open_streaming_pulls", ${local.changes}} > 0)
      EOT
    }

    # The worker tells once a minute. Without this, those below would be silent for the wrong reason.
    "no-metrics" = {
      wanted   = local.runs
      severity = "WARNING"
      title    = "The worker's metrics do not arrive"
      seconds  = 900
      query    = <<-EOT
        absent(contactrelay_held_messages{${local.job}})
      EOT
    }

    # A pause of a minute or two is what outages are like.
    "paused" = {
      wanted   = local.runs
      severity = "ERROR"
      title    = "The worker pauses for all users"
      seconds  = 300
      query    = <<-EOT
        max by (cause) (contactrelay_paused{${local.job}}) > 0
      EOT
    }

    # 20 calls in 10 minutes: one of two that fails is no ratio.
    "people-errors" = {
      wanted   = local.runs
      severity = "WARNING"
      title    = "The People API fails"
      seconds  = 600
      query    = <<-EOT
        sum(rate(contactrelay_people_calls_total{${local.job}, code=~"5..|network"}[10m]))
          / sum(rate(contactrelay_people_calls_total{${local.job}}[10m])) > 0.1
          and sum(increase(contactrelay_people_calls_total{${local.job}}[10m])) > 20
      EOT
    }

    # The quotas are of minutes: a quarter of an hour over them is no peak.
    "quota" = {
      wanted   = local.runs
      severity = "WARNING"
      title    = "The quota of the People API is used up"
      seconds  = 900
      query    = <<-EOT
        sum(rate(contactrelay_people_calls_total{${local.job}, code="429"}[10m]))
          / sum(rate(contactrelay_people_calls_total{${local.job}}[10m])) > 0.1
      EOT
    }

    # It must never happen, so once is enough. The hour keeps the alert open until somebody has looked.
    "order-violations" = {
      wanted   = local.runs
      severity = "CRITICAL"
      title    = "Changes of a contact were made out of order"
      seconds  = 0
      query    = <<-EOT
        sum(increase(contactrelay_order_violations_total{${local.job}}[1h])) > 0
      EOT
    }

    # Files are closed every 5 minutes: an hour is not slowness.
    "archive-stalled" = {
      wanted   = local.archived == 1
      severity = "ERROR"
      title    = "Dead letters are not archived"
      seconds  = 0
      query    = <<-EOT
        max({"pubsub.googleapis.com/subscription/oldest_unacked_message_age", ${local.archive}}) > 3600
      EOT
    }
  }
}

resource "google_monitoring_alert_policy" "this" {
  for_each = { for key, alert in local.alerts : key => alert if alert.wanted }

  project      = var.project_id
  display_name = "${var.name}: ${each.value.title}"
  severity     = each.value.severity
  combiner     = "OR"
  user_labels  = var.labels

  conditions {
    display_name = each.value.title

    condition_prometheus_query_language {
      query               = trimspace(each.value.query)
      duration            = "${each.value.seconds}s"
      evaluation_interval = "60s"
      # Else a policy cannot be made before its metric exists: on the day of the first deployment.
      disable_metric_validation = true
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "${each.value.title}. When it fires, what to look at and what to do: ${var.runbook_url}#alert-${each.key}"

    links {
      display_name = "Runbook"
      url          = "${var.runbook_url}#alert-${each.key}"
    }
  }

  notification_channels = concat(
    [for channel in google_monitoring_notification_channel.email : channel.name],
    var.notification_channels,
  )

  depends_on = [google_project_service.this]
}
