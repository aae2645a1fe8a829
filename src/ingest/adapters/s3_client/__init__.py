"""One S3 client with bounded retries: complete responses, or one of our own errors.

A request, including its body, is tried `S3Options.attempts` times in all, and retried only here: botocore never retries
a body that breaks after the headers, and its own retries are off, except for the many requests of one upload. No
credentials pass through here: botocore finds them in the environment or the cloud's role.
"""

from ingest.adapters.s3_client.answers import Archived, Unmet
from ingest.adapters.s3_client.bucket import Bucket, open_client

__all__ = ["Archived", "Bucket", "Unmet", "open_client"]
