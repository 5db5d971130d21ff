variable "project_id" {
  description = "Google Cloud project."
  type        = string
}

variable "region" {
  description = "Region of the worker."
  type        = string
}

variable "image" {
  description = "Image by digest; null until the first one is pushed."
  type        = string
  default     = null
}

variable "token_versions" {
  description = "For each user the version of the secret that holds the token."
  type        = map(string)
  default     = {}
}

variable "oauth_client_version" {
  description = "The version with the JSON of the OAuth client, for refresh tokens that come without theirs."
  type        = string
  default     = null
}

variable "settings" {
  description = "Other settings of contactrelay run, by flag without its dashes."
  type        = map(string)
  default     = {}
}

variable "producers" {
  description = "Who may publish changes, as IAM members."
  type        = set(string)
  default     = []
}

variable "operators" {
  description = "Who may look after dead letters."
  type        = set(string)
  default     = []
}

variable "alert_emails" {
  description = "Addresses that alerts are sent to."
  type        = set(string)
  default     = []
}
