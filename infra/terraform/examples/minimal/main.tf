# The smallest use: two encrypted buckets, with everything else at its default.

terraform {
  required_version = ">= 1.9, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }
}

variable "region" {
  description = "AWS region of both buckets; the vector index and the workers belong there too."
  type        = string
  default     = "eu-central-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must look like eu-central-1."
  }
}

variable "name" {
  description = "Prefix of every name, unique in the world because bucket names are."
  type        = string
}

provider "aws" {
  region = var.region
}

module "lake" {
  source = "../../modules/lake"

  name = var.name
  tags = { system = "ingest" }
}

output "lake_uri" {
  description = "The lake in ingest.yaml."
  value       = module.lake.lake_uri
}

output "source_uri" {
  description = "The URI of the source in ingest.yaml."
  value       = module.lake.source_uri
}

output "kms_key_arn" {
  description = "The key that readers and writers of both buckets need."
  value       = module.lake.kms_key_arn
}
