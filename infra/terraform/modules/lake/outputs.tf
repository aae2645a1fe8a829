output "lake_bucket" {
  description = "Name of the lake's bucket."
  value       = aws_s3_bucket.this["lake"].bucket
}

output "lake_uri" {
  description = "What to write as the lake in ingest.yaml."
  value       = "s3://${aws_s3_bucket.this["lake"].bucket}"
}

output "source_bucket" {
  description = "Name of the bucket for source documents."
  value       = aws_s3_bucket.this["source"].bucket
}

output "source_uri" {
  description = "What to write as the URI of a source in ingest.yaml."
  value       = "s3://${aws_s3_bucket.this["source"].bucket}"
}

output "kms_key_arn" {
  description = "ARN of the key: readers need kms:Decrypt on it, writers also kms:GenerateDataKey."
  value       = aws_kms_key.this.arn
}
