# Who may do what.

variable "producers" {
  description = "Who may publish changes, as IAM members: the CRM's service account."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.producers : can(regex("^(user|group|serviceAccount|principal|principalSet):.+$", member))])
    error_message = "IAM members such as serviceAccount:crm@example.iam.gserviceaccount.com; never allUsers."
  }
}

variable "operators" {
  description = "Who may look after dead letters: read, replay and discard them. They see what is in them."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.operators : can(regex("^(user|group|serviceAccount|principal|principalSet):.+$", member))])
    error_message = "IAM members such as group:contact-operators@example.com; never allUsers."
  }
}

variable "contact_readers" {
  description = "Operators who may sign as the delegate, which deadletter show and --dry-run need to read contacts. It lets them act as any user that the delegation covers."
  type        = set(string)
  default     = []

  validation {
    condition     = length(var.contact_readers) == 0 || var.credentials == "delegation"
    error_message = "There is a delegate with delegation alone."
  }

  validation {
    condition     = alltrue([for member in var.contact_readers : can(regex("^(user|group|serviceAccount|principal|principalSet):.+$", member))])
    error_message = "IAM members such as group:contact-operators@example.com; never allUsers."
  }
}

# Messages at rest.

variable "changes_retention_days" {
  description = "How long a change waits for the worker at most; then it is lost. What is acknowledged is not kept."
  type        = number
  default     = 31

  validation {
    condition     = var.changes_retention_days >= 1 && var.changes_retention_days <= 31
    error_message = "From 1 to 31 days."
  }
}

variable "letters_retention_days" {
  description = "How long a dead letter waits for an operator at most; then it is lost, save in the archive."
  type        = number
  default     = 31

  validation {
    condition     = var.letters_retention_days >= 1 && var.letters_retention_days <= 31
    error_message = "From 1 to 31 days."
  }
}

variable "topic_retention_days" {
  description = "Keep what was published in the topic for so long, acknowledged or not, so that a subscription can be set back in time. Null: not at all."
  type        = number
  default     = null

  validation {
    condition     = var.topic_retention_days == null ? true : var.topic_retention_days >= 1 && var.topic_retention_days <= 31
    error_message = "From 1 to 31 days."
  }
}

variable "archive_days" {
  description = "Keep every dead letter in a bucket for so long, whatever becomes of it. Null: no bucket."
  type        = number
  default     = null

  validation {
    condition     = var.archive_days == null ? true : var.archive_days >= 1 && floor(var.archive_days) == var.archive_days
    error_message = "A whole number of days, 1 or more."
  }
}

variable "storage_regions" {
  description = "Regions in which Pub/Sub may keep messages. Empty: wherever they are published."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for region in var.storage_regions : can(regex("^[a-z]+-[a-z]+[0-9]+$", region))])
    error_message = "Regions, such as europe-west1."
  }
}

variable "kms_key" {
  description = "Key for the topics and the archive, by its full name. Null: Google's own keys."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key == null || can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key))
    error_message = "projects/P/locations/L/keyRings/R/cryptoKeys/K."
  }
}

variable "ack_deadline_seconds" {
  description = "When what was fetched by a worker that has died comes again. Under 60, messages come twice under load."
  type        = number
  default     = 60

  validation {
    condition     = var.ack_deadline_seconds >= 10 && var.ack_deadline_seconds <= 600 && floor(var.ack_deadline_seconds) == var.ack_deadline_seconds
    error_message = "A whole number from 10 to 600."
  }
}

variable "native_dead_letter_attempts" {
  description = "Let Pub/Sub itself dead-letter what was delivered so often. Off (null) for a reason: beside it the order of a user's changes is not kept, and what a worker gives back counts."
  type        = number
  default     = null

  validation {
    condition     = var.native_dead_letter_attempts == null ? true : var.native_dead_letter_attempts >= 5 && var.native_dead_letter_attempts <= 100 && floor(var.native_dead_letter_attempts) == var.native_dead_letter_attempts
    error_message = "A whole number from 5 to 100."
  }
}

variable "outcomes" {
  description = "Tell producers how each change ended: a topic with a subscription for them."
  type        = bool
  default     = false
}

variable "outcome_readers" {
  description = "Who may read the outcomes, as IAM members."
  type        = set(string)
  default     = []

  validation {
    condition     = length(var.outcome_readers) == 0 || var.outcomes
    error_message = "There are outcomes with outcomes = true alone."
  }

  validation {
    condition     = alltrue([for member in var.outcome_readers : can(regex("^(user|group|serviceAccount|principal|principalSet):.+$", member))])
    error_message = "IAM members such as serviceAccount:crm@example.iam.gserviceaccount.com; never allUsers."
  }
}

# Watching it.

variable "alert_emails" {
  description = "Addresses that alerts are sent to."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+$", address))])
    error_message = "E-mail addresses."
  }
}

variable "notification_channels" {
  description = "Other channels that alerts are sent to, by their full names."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for channel in var.notification_channels : can(regex("^projects/[^/]+/notificationChannels/[^/]+$", channel))])
    error_message = "projects/P/notificationChannels/C."
  }
}

variable "oldest_change_seconds" {
  description = "Alert when a change has waited for so long."
  type        = number
  default     = 900

  validation {
    condition     = var.oldest_change_seconds >= 60
    error_message = "60 or more: Pub/Sub measures once a minute."
  }
}

variable "runbook_url" {
  description = "Page with the runbook: this repository's README. Alerts link to their entries in it."
  type        = string
  default     = "https://github.com/contactrelay/contactrelay/blob/main/README.md"

  validation {
    condition     = can(regex("^https://[^#\\s]+$", var.runbook_url))
    error_message = "An https URL without an anchor."
  }
}
