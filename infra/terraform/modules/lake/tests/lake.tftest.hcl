mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
}

variables {
  name = "acme-search-test"
  tags = { team = "search" }
}

run "there_are_two_buckets_with_these_names" {
  command = plan

  assert {
    condition     = { for role, bucket in aws_s3_bucket.this : role => bucket.bucket } == { lake = "acme-search-test-lake", source = "acme-search-test-source" }
    error_message = "the buckets must be <name>-lake and <name>-source"
  }

  assert {
    condition     = alltrue([for bucket in aws_s3_bucket.this : bucket.force_destroy == false && bucket.tags.team == "search"])
    error_message = "a bucket with objects must not be destroyed, and tags must reach both buckets"
  }

  assert {
    condition     = output.lake_uri == "s3://acme-search-test-lake" && output.source_uri == "s3://acme-search-test-source"
    error_message = "the URIs must name the buckets"
  }
}

run "both_buckets_keep_old_versions" {
  command = plan

  assert {
    condition     = length(aws_s3_bucket_versioning.this) == 2 && alltrue([for v in aws_s3_bucket_versioning.this : v.versioning_configuration[0].status == "Enabled"])
    error_message = "versioning must be Enabled on both buckets"
  }
}

run "both_buckets_are_encrypted_with_the_own_key" {
  command = plan

  assert {
    condition     = length(aws_s3_bucket_server_side_encryption_configuration.this) == 2 && alltrue([for e in aws_s3_bucket_server_side_encryption_configuration.this : one(e.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms" && one(e.rule).bucket_key_enabled])
    error_message = "both buckets must be encrypted by aws:kms with a bucket key"
  }

  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "the key must rotate and have the longest deletion window"
  }

  assert {
    condition     = jsondecode(aws_kms_key.this.policy).Statement[0].Principal.AWS == "arn:aws:iam::111122223333:root"
    error_message = "the account must keep control of the key"
  }

  assert {
    condition     = aws_kms_alias.this.name == "alias/acme-search-test-lake"
    error_message = "the key's alias must carry the name"
  }
}

run "the_encryption_uses_that_key" {
  command = plan

  override_resource {
    target          = aws_kms_key.this
    override_during = plan
    values          = { arn = "arn:aws:kms:eu-central-1:111122223333:key/own" }
  }

  assert {
    condition     = alltrue([for e in aws_s3_bucket_server_side_encryption_configuration.this : one(e.rule).apply_server_side_encryption_by_default[0].kms_master_key_id == "arn:aws:kms:eu-central-1:111122223333:key/own"])
    error_message = "both buckets must use the module's key, not the account's default"
  }
}

run "nothing_is_public" {
  command = plan

  assert {
    condition     = length(aws_s3_bucket_public_access_block.this) == 2 && alltrue([for b in aws_s3_bucket_public_access_block.this : b.block_public_acls && b.block_public_policy && b.ignore_public_acls && b.restrict_public_buckets])
    error_message = "all four public access blocks must be on for both buckets"
  }

  assert {
    condition     = length(aws_s3_bucket_ownership_controls.this) == 2 && alltrue([for o in aws_s3_bucket_ownership_controls.this : o.rule[0].object_ownership == "BucketOwnerEnforced"])
    error_message = "ACLs must be off: the bucket's owner owns every object"
  }
}

run "plain_http_old_tls_and_other_encryption_are_refused" {
  command = plan

  assert {
    condition = alltrue([for p in aws_s3_bucket_policy.this : length([for s in jsondecode(p.policy).Statement : s
    if s.Effect == "Deny" && s.Principal == "*" && s.Action == "s3:*" && try(s.Condition.Bool["aws:SecureTransport"], "") == "false"]) == 1])
    error_message = "both policies must refuse requests without TLS"
  }

  assert {
    condition = alltrue([for p in aws_s3_bucket_policy.this : length([for s in jsondecode(p.policy).Statement : s
    if s.Effect == "Deny" && s.Principal == "*" && s.Action == "s3:*" && try(s.Condition.NumericLessThan["s3:TlsVersion"], "") == "1.2"]) == 1])
    error_message = "both policies must refuse TLS below 1.2"
  }

  assert {
    condition = alltrue([for p in aws_s3_bucket_policy.this : length([for s in jsondecode(p.policy).Statement : s
    if s.Effect == "Deny" && s.Action == "s3:PutObject" && try(s.Condition.StringNotEquals["s3:x-amz-server-side-encryption"], "") == "aws:kms" && try(s.Condition.Null["s3:x-amz-server-side-encryption"], "") == "false"]) == 1])
    error_message = "both policies must refuse another encryption, and only when the header is there"
  }

  assert {
    condition = alltrue([for role, p in aws_s3_bucket_policy.this : alltrue([for s in slice(jsondecode(p.policy).Statement, 0, 2) :
    toset(s.Resource) == toset(["arn:aws:s3:::acme-search-test-${role}", "arn:aws:s3:::acme-search-test-${role}/*"])])])
    error_message = "each policy must cover its own bucket and the objects in it"
  }
}

run "old_versions_expire_and_current_objects_never" {
  command = plan

  variables {
    noncurrent_days                 = 45
    abort_incomplete_multipart_days = 2
  }

  assert {
    condition     = alltrue([for l in aws_s3_bucket_lifecycle_configuration.this : length([for r in l.rule : r if r.status == "Enabled" && try(r.noncurrent_version_expiration[0].noncurrent_days, 0) == 45]) == 1])
    error_message = "noncurrent versions must expire after noncurrent_days on both buckets"
  }

  assert {
    condition     = alltrue([for l in aws_s3_bucket_lifecycle_configuration.this : length([for r in l.rule : r if r.status == "Enabled" && try(r.abort_incomplete_multipart_upload[0].days_after_initiation, 0) == 2]) == 1])
    error_message = "incomplete uploads must be aborted on both buckets"
  }

  assert {
    condition     = alltrue(flatten([for l in aws_s3_bucket_lifecycle_configuration.this : [for r in l.rule : [for e in r.expiration : e.days == null && e.date == null]]]))
    error_message = "no rule may expire a current object: the lake is the only copy of what was built"
  }
}

run "a_bad_name_is_refused" {
  command = plan

  variables {
    name = "Acme_Search"
  }

  expect_failures = [var.name]
}

run "too_short_a_time_to_undo_is_refused" {
  command = plan

  variables {
    noncurrent_days = 1
  }

  expect_failures = [var.noncurrent_days]
}

run "uploads_may_not_linger_for_ever" {
  command = plan

  variables {
    abort_incomplete_multipart_days = 0
  }

  expect_failures = [var.abort_incomplete_multipart_days]
}

run "a_key_may_not_vanish_within_a_day" {
  command = plan

  variables {
    kms_deletion_window_days = 1
  }

  expect_failures = [var.kms_deletion_window_days]
}

run "reserved_tags_are_refused" {
  command = plan

  variables {
    tags = { "aws:owner" = "search" }
  }

  expect_failures = [var.tags]
}
