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
}

run "the_example_hands_out_what_ingest_yaml_needs" {
  command = plan

  assert {
    condition     = output.lake_uri == "s3://acme-search-test-lake" && output.source_uri == "s3://acme-search-test-source"
    error_message = "the outputs must be the URIs of the two buckets"
  }
}

run "a_region_that_is_none_is_refused" {
  command = plan

  variables {
    region = "Frankfurt"
  }

  expect_failures = [var.region]
}
