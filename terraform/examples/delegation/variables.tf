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

variable "allow_users" {
  description = "Users whose contacts may be changed, by address or domain."
  type        = list(string)
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
  description = "Who may look after dead letters, and read the contacts that they are about."
  type        = set(string)
  default     = []
}

variable "alert_emails" {
  description = "Addresses that alerts are sent to."
  type        = set(string)
  default     = []
}
