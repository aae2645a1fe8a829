"""One bounded S3 client: answers that are whole, or an error in our own words.

botocore never retries a body that breaks after the headers, so its own retries are off: one retry here covers request
and body together. No credentials pass through here: botocore finds them in the environment or the cloud's role.
"""

from ingest.adapters.s3_client.answers import Archived, Unmet
from ingest.adapters.s3_client.bucket import Bucket, Listed
from ingest.adapters.s3_client.client import S3Options, open_client, split_uri
from ingest.adapters.s3_client.ranged_file import RANGES_ABOVE, RangedFile

__all__ = [
    "RANGES_ABOVE",
    "Archived",
    "Bucket",
    "Listed",
    "RangedFile",
    "S3Options",
    "Unmet",
    "open_client",
    "split_uri",
]
