variable "name" {
  description = "Prefix of every name: the buckets are <name>-lake and <name>-source, the key is alias/<name>-lake. Bucket names are unique in the world, so include your organisation and environment."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,54}[a-z0-9]$", var.name)) && !can(regex("--", var.name))
    error_message = "name must be 3 to 56 lower-case letters, digits and single hyphens, and begin and end with a letter or digit."
  }
}

variable "noncurrent_days" {
  description = "Days that an overwritten or deleted object stays recoverable as a noncurrent version. This is the time in which a mistaken deletion can be undone."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_days >= 7 && var.noncurrent_days <= 3650 && floor(var.noncurrent_days) == var.noncurrent_days
    error_message = "noncurrent_days must be a whole number from 7 to 3650."
  }
}

variable "abort_incomplete_multipart_days" {
  description = "Days after which the parts of an upload that was never completed are removed. Longer than any upload takes."
  type        = number
  default     = 3

  validation {
    condition     = var.abort_incomplete_multipart_days >= 1 && var.abort_incomplete_multipart_days <= 30 && floor(var.abort_incomplete_multipart_days) == var.abort_incomplete_multipart_days
    error_message = "abort_incomplete_multipart_days must be a whole number from 1 to 30."
  }
}

variable "kms_deletion_window_days" {
  description = "Days between the order to delete the key and its deletion. Without the key the lake is lost, so the longest window is the default."
  type        = number
  default     = 30

  validation {
    condition     = var.kms_deletion_window_days >= 7 && var.kms_deletion_window_days <= 30 && floor(var.kms_deletion_window_days) == var.kms_deletion_window_days
    error_message = "kms_deletion_window_days must be a whole number from 7 to 30."
  }
}

variable "tags" {
  description = "Tags on everything that this module creates."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(var.tags) <= 45 && alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:")])
    error_message = "tags may hold at most 45 entries, and no key may begin with \"aws:\"."
  }
}
