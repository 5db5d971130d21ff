# The delegate: the account whom an administrator of the Workspace domain lets act for users. It has no key and no role,
# and nobody is it: others have IAM sign for it. The delegation itself cannot be granted by Terraform: see the outputs.

locals {
  delegated = var.credentials == "delegation" ? 1 : 0
}

resource "google_service_account" "delegate" {
  count = local.delegated

  project      = var.project_id
  account_id   = "${var.name}-delegate"
  display_name = "contactrelay: acts for users by domain-wide delegation"
  depends_on   = [google_project_service.this]
}

# roles/iam.serviceAccountTokenCreator would do as well, and allow tokens and signed blobs of the account besides.
resource "google_project_iam_custom_role" "signer" {
  count = local.delegated

  project     = var.project_id
  role_id     = "${replace(var.name, "-", "_")}_signer"
  title       = "contactrelay: sign as the delegate"
  description = "Have IAM sign JSON web tokens for an account."
  permissions = ["iam.serviceAccounts.signJwt"]
  depends_on  = [google_project_service.this]
}

resource "google_service_account_iam_member" "worker_signs" {
  count = local.delegated

  service_account_id = google_service_account.delegate[0].name
  role               = google_project_iam_custom_role.signer[0].name
  member             = google_service_account.worker.member
}

# This lets its holders act as any user whom the delegation covers, --allow-users or not: that is the worker's.
resource "google_service_account_iam_member" "reader_signs" {
  for_each = var.contact_readers

  service_account_id = google_service_account.delegate[0].name
  role               = google_project_iam_custom_role.signer[0].name
  member             = each.value
}
