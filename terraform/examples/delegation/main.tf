# contactrelay for the users of a Workspace domain. terraform.tfvars.example has what to fill in.

terraform {
  required_version = ">= 1.9.0"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.37.0, < 9.0.0"
    }
  }

  # The state of a deployment that others look after, too, belongs into a bucket:
  # backend "gcs" { bucket = "…" }
}

provider "google" {
  project = var.project_id
  region  = var.region
}

module "contactrelay" {
  source = "../.."

  project_id = var.project_id
  region     = var.region
  image      = var.image
  settings   = var.settings

  credentials = "delegation"
  allow_users = var.allow_users

  producers       = var.producers
  operators       = var.operators
  contact_readers = var.contact_readers
  alert_emails    = var.alert_emails
}
