terraform {
  # 1.9: a validation may look at other variables.
  required_version = ">= 1.9.0"

  required_providers {
    google = {
      source = "hashicorp/google"
      # 7.37: worker pools are generally available, and nearly everything has a deletion_policy.
      version = ">= 7.37.0, < 9.0.0"
    }
  }
}
