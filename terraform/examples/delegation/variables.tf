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
  description = "Who may look after dead letters."
  type        = set(string)
  default     = []
}

variable "contact_readers" {
  description = "Who may sign as the delegate, to read contacts: it lets them act as any user that the delegation covers."
  type        = set(string)
  default     = []
}

variable "alert_emails" {
  description = "Addresses that alerts are sent to."
  type        = set(string)
  default     = []
}
