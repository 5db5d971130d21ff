# Those who look after dead letters: they take them from the subscription, and replays publish to the changes' topic.

resource "google_pubsub_subscription_iam_member" "operators" {
  for_each = {
    for pair in setproduct(var.operators, ["roles/pubsub.subscriber", "roles/pubsub.viewer"]) :
    "${pair[0]} ${pair[1]}" => { member = pair[0], role = pair[1] }
  }

  project      = var.project_id
  subscription = google_pubsub_subscription.letters.name
  role         = each.value.role
  member       = each.value.member
}

resource "google_pubsub_topic_iam_member" "operators" {
  for_each = var.operators

  project = var.project_id
  topic   = google_pubsub_topic.changes.name
  role    = "roles/pubsub.publisher"
  member  = each.value
}

# How many letters there are is known to Cloud Monitoring alone, which has no narrower grant than the project.
resource "google_project_iam_member" "operators" {
  for_each = var.operators

  project = var.project_id
  role    = "roles/monitoring.viewer"
  member  = each.value
}
