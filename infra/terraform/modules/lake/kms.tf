# One key for both buckets. Losing it is losing the lake: rotation on, destruction prevented, a long window.

resource "aws_kms_key" "this" {
  description             = "Encrypts the buckets ${local.buckets.lake} and ${local.buckets.source}"
  enable_key_rotation     = true
  rotation_period_in_days = 365
  deletion_window_in_days = var.kms_deletion_window_days
  tags                    = var.tags

  # Without the account's root in it nobody could ever change this policy again; IAM policies decide the rest.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "LetTheAccountsIamPoliciesDecide"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${data.aws_caller_identity.current.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
    ]
  })

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}-lake"
  target_key_id = aws_kms_key.this.key_id
}
