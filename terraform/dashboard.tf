# One dashboard: from the top, does it work, how fast, what waits and why. A test holds its queries against the metrics
# that the program has.

resource "google_monitoring_dashboard" "this" {
  project = var.project_id

  dashboard_json = templatefile("${path.module}/dashboard.json.tftpl", {
    name    = var.name
    project = var.project_id
    changes = google_pubsub_subscription.changes.name
    letters = google_pubsub_subscription.letters.name
  })

  depends_on = [google_project_service.this]
}
