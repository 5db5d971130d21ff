# What Google would answer, as real as the provider's own checks want it.

mock_resource "google_service_account" {
  defaults = {
    name      = "projects/example-project/serviceAccounts/contactrelay-mocked@example-project.iam.gserviceaccount.com"
    email     = "contactrelay-mocked@example-project.iam.gserviceaccount.com"
    member    = "serviceAccount:contactrelay-mocked@example-project.iam.gserviceaccount.com"
    unique_id = "123456789012345678901"
  }
}

mock_resource "google_project_iam_custom_role" {
  defaults = {
    name = "projects/example-project/roles/contactrelay_signer"
  }
}

mock_resource "google_pubsub_topic" {
  defaults = {
    id = "projects/example-project/topics/mocked"
  }
}

mock_resource "google_pubsub_subscription" {
  defaults = {
    id = "projects/example-project/subscriptions/mocked"
  }
}

mock_resource "google_monitoring_notification_channel" {
  defaults = {
    name = "projects/example-project/notificationChannels/1234567890"
  }
}

mock_resource "google_storage_bucket" {
  defaults = {
    url = "gs://example-project-contactrelay-letters"
  }
}

mock_data "google_project" {
  defaults = {
    number = "123456789012"
  }
}

mock_data "google_storage_project_service_account" {
  defaults = {
    member = "serviceAccount:service-123456789012@gs-project-accounts.iam.gserviceaccount.com"
  }
}
