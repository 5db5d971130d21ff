# Where and what.

variable "project_id" {
  description = "Google Cloud project that everything is made in. The People API is called on its quota; with tokens, on that of the OAuth client's project."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "The ID of a project has 6 to 30 small letters, digits and hyphens, a letter first."
  }
}

variable "region" {
  description = "Region of the worker, its image and the archive. Publish in the same one: Pub/Sub keeps the order of a key within a region alone."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region, such as europe-west1; not a zone."
  }
}

variable "name" {
  description = "Name of the worker pool, and the beginning of the names of its accounts."
  type        = string
  default     = "contactrelay"

  validation {
    # An account's ID has 30 characters at most, and "-delegate" follows.
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}[a-z0-9]$", var.name))
    error_message = "3 to 21 small letters, digits and hyphens, a letter first."
  }
}

variable "topic" {
  description = "Topic that changes are published to, and the beginning of the names of the other topics and subscriptions."
  type        = string
  default     = "contact-changes"

  validation {
    # 255 characters at most, and "-outcomes-producer" follows.
    condition     = can(regex("^[A-Za-z][A-Za-z0-9._~+%-]{2,236}$", var.topic)) && !startswith(var.topic, "goog")
    error_message = "3 to 237 letters, digits and -_.~+%, a letter first, not beginning with goog."
  }
}

variable "labels" {
  description = "Labels of everything that can have them."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for k, v in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", k)) && can(regex("^[a-z0-9_-]{0,63}$", v))])
    error_message = "Keys and values have 63 small letters, digits, - and _ at most, keys a letter first."
  }
}

variable "deletion_protection" {
  description = "Refuse to destroy what holds messages, and the worker pool. Set it to false and apply before terraform destroy."
  type        = bool
  default     = true
}

# The worker.

variable "image" {
  description = "Image of contactrelay, by digest. Null: everything is made but the worker, so that there is a repository to push the first image to."
  type        = string
  default     = null

  validation {
    condition     = var.image == null || can(regex("^[^@ ]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "By digest, as in …/worker@sha256:…: what a tag stands for can change under a running worker."
  }
}

variable "instances" {
  description = "Instances of the worker. One is right for most: a user's changes run on one instance at a time. 0 stops it."
  type        = number
  default     = 1

  validation {
    condition     = var.instances >= 0 && var.instances <= 100 && floor(var.instances) == var.instances
    error_message = "A whole number from 0 to 100."
  }
}

variable "cpu" {
  description = "vCPUs of an instance."
  type        = number
  default     = 1

  validation {
    condition     = contains([1, 2, 4, 6, 8], var.cpu)
    error_message = "Cloud Run has 1, 2, 4, 6 and 8."
  }
}

variable "memory_mib" {
  description = "Memory of an instance in MiB. Raise it with --max-bytes: see the README's table of sizes."
  type        = number
  default     = 1024

  validation {
    condition     = var.memory_mib >= 512 && var.memory_mib <= 32768 && floor(var.memory_mib) == var.memory_mib
    error_message = "A whole number from 512 to 32768."
  }

  validation {
    # https://cloud.google.com/run/docs/configuring/workerpools/memory-limits
    condition     = var.cpu < 4 || var.memory_mib >= (var.cpu == 4 ? 2048 : 4096)
    error_message = "Cloud Run wants 2048 MiB or more for 4 vCPUs, and 4096 for 6 and 8."
  }

  validation {
    condition     = var.memory_mib <= var.cpu * 4096
    error_message = "Cloud Run gives 4096 MiB for each vCPU at most."
  }
}

variable "settings" {
  description = "Other settings of contactrelay run, by flag without its dashes, as in {\"max-calls\" = \"128\"}. The README has the table."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.settings), local.settings)) == 0
    error_message = "Not a setting of contactrelay run, or one that the module sets itself: ${join(", ", setsubtract(keys(var.settings), local.settings))}."
  }
}

variable "environment" {
  description = "Environment variables for OpenTelemetry, such as {OTEL_METRIC_EXPORT_INTERVAL = \"30000\"}; they come before those that the module sets."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.environment) : can(regex("^OTEL_[A-Z_]+$", name))])
    error_message = "Only OTEL_…: everything else has a variable of its own or belongs in settings."
  }
}

variable "log_hash_key_secret" {
  description = "ID of a secret with 16 bytes or more, the key of the hash that users are logged as: it is the same over restarts then. Null: a random key for each instance."
  type        = string
  default     = null

  validation {
    condition     = var.log_hash_key_secret == null || can(regex("^[A-Za-z0-9_-]{1,255}$", var.log_hash_key_secret))
    error_message = "The ID of a secret of the project, such as contactrelay-log-hash-key."
  }
}

# Signing users in.

variable "credentials" {
  description = "How users are signed in: delegation (keyless, of a Workspace domain) or tokens (refresh tokens that the users have given)."
  type        = string
  default     = "delegation"

  validation {
    condition     = contains(["delegation", "tokens"], var.credentials)
    error_message = "delegation or tokens."
  }
}

variable "allow_users" {
  description = "Users whose contacts may be changed, by address or domain. Required with delegation: whoever may publish could otherwise change anyone's contacts."
  type        = list(string)
  default     = []

  validation {
    condition     = var.credentials != "delegation" || length(var.allow_users) > 0
    error_message = "Required with delegation."
  }

  validation {
    condition     = alltrue([for user in var.allow_users : can(regex("^[^\\s,*:/]+$", user)) && !startswith(user, "@") && !endswith(user, "@")])
    error_message = "Users such as ann@example.com or domains such as example.com: no patterns, no URLs."
  }
}

variable "token_versions" {
  description = "With tokens: for each user the version of the secret that holds the token, as in {ann = \"1\"}. Needed from the first image on."
  type        = map(string)
  default     = {}

  validation {
    condition     = var.credentials != "tokens" || var.image == null || length(var.token_versions) > 0
    error_message = "At least one user's token is needed."
  }

  validation {
    condition     = alltrue([for user, version in var.token_versions : can(regex("^[^/\\s.][^/\\s]*$", user)) && can(regex("^([1-9][0-9]*|latest)$", version))])
    error_message = "Users that can be names of files, and numbers of versions (or latest, where there is one user alone)."
  }
}

variable "oauth_client_version" {
  description = "With tokens: the version of the same secret that holds the JSON of the OAuth client, for refresh tokens that come without theirs."
  type        = string
  default     = null

  validation {
    condition     = var.oauth_client_version == null || can(regex("^[1-9][0-9]*$", var.oauth_client_version))
    error_message = "The number of a version."
  }
}
