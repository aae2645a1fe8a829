"""One bounded S3 client: answers that are whole, or an error in our own words.

botocore never retries a body that breaks after the headers: `retries` says how often request and body are tried. No
credentials pass through here: botocore finds them in the environment or the cloud's role.
"""

from ingest.adapters.s3_client.answers import Archived, Unmet
from ingest.adapters.s3_client.bucket import Bucket, Listed
from ingest.adapters.s3_client.client import open_client, split_uri
from ingest.adapters.s3_client.ranged_file import RangedFile

__all__ = [
    "Archived",
    "Bucket",
    "Listed",
    "RangedFile",
    "Unmet",
    "open_client",
    "split_uri",
]
