"""What a response of S3 means, in our errors. Messages have its code, never its text: S3 repeats secrets there."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ingest.errors import AccessDenied, InvalidSettings, TransientError, UnknownSource
from ingest.records import S3Options

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")
UNMET = {"NoSuchKey", "NoSuchVersion", "NoSuchUpload", "PreconditionFailed", "InvalidRange", "404", "412", "416"}
DENIED = {
    "AuthorizationHeaderMalformed": "the credentials in the environment do not have the form that S3 expects",
    "ExpiredToken": "the session token has expired, log in again",
    "InvalidAccessKeyId": "the access key id is not known there",
    "InvalidToken": "the session token is not valid there",
    "RequestTimeTooSkewed": "the clock of this machine is wrong",
    "SignatureDoesNotMatch": "the secret access key does not belong to the access key id",
    "TokenRefreshRequired": "the session token must be renewed",
}
BUSY = {"ConditionalRequestConflict", "OperationAborted", "SlowDown", "Throttling", "ThrottlingException"}
BROKEN = {"BadDigest", "IncompleteBody", "RequestTimeout", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"}
ELSEWHERE = {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect", "301"}
NO_CREDENTIALS = {"NoCredentialsError", "PartialCredentialsError", "ProfileNotFound"}
NO_CREDENTIALS |= {"SSOTokenLoadError", "TokenRetrievalError", "UnauthorizedSSOTokenError"}
WRONG_SETTINGS = {"ConfigParseError", "InvalidRegionError", "ParamValidationError", "UnsupportedS3ConfigurationError"}


class Unmet(Exception):
    """No such key, version or range, or an unmet condition. Adapters catch it; it goes no further."""


class Archived(AccessDenied):
    """The object is in an archive tier and must be restored before it can be read."""


class S3Place:
    """A bucket at an endpoint; translates botocore's errors about it into ours."""

    def __init__(self, name: str, options: S3Options, unavailable: type[TransientError]) -> None:
        self.name, self.options, self.unavailable = name, options, unavailable
        self.endpoint = options.endpoint_url or "AWS"  # for people
        self.is_directory_bucket = name.endswith("--x-s3")  # S3 Express: lists in no particular order

    def where(self, key: str) -> str:
        """Return the URI of a key for messages, in the form the AWS command line takes."""
        return f"s3://{self.name}/{key}"

    def once(
        self, action: str, key: str, request: Callable[["S3Client"], T], client: "S3Client", may_lack: bool = True
    ) -> T:
        """Return request(client), tried once. Raises: our errors, and Unmet, if what it asks for `may_lack`."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError
        from urllib3.exceptions import HTTPError

        told = f"{self.where(key)}: cannot {action}"
        try:
            return request(client)
        except ClientError as error:
            raise self._refusal(error, told, may_lack) from error
        except KeyError as error:  # botocore checks no answer against its model: an empty one has nothing in it
            told = f"{told}: {self.endpoint} answered without {error}"
            raise self.unavailable(f"{told}, at each of up to {self.options.attempts} attempts") from error
        except (BotoCoreError, HTTPError, ResponseParserError) as error:
            raise self._failure(error, told) from error

    def _refusal(self, error: "ClientError", told: str, may_lack: bool) -> Exception:
        code, status = _code(error.response), int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        told = f"{told}: {self.endpoint} answered {code or 'nothing'} (HTTP {status})"
        if code == "NoSuchBucket":
            return UnknownSource(f"s3://{self.name}: no such bucket at {self.endpoint}")
        if code in UNMET:
            return Unmet(told) if may_lack else self.unavailable(f"{told}, which is no answer to this request")
        if code in BUSY | BROKEN or status in (408, 429) or (status >= 500 and status != 501):
            return self.unavailable(f"{told}, at each of up to {self.options.attempts} attempts")
        if code == "InvalidObjectState":
            return Archived(f"{told}: the object is archived and must be restored first")
        if code in DENIED or status in (401, 403):
            why = DENIED.get(code, "the credentials do not allow it, see the role and policies")
            return AccessDenied(f"{told}: {why}")
        return InvalidSettings(f"{told}: the endpoint does not know or accept such a request")

    def _failure(self, error: Exception, told: str) -> Exception:
        """Return the error for no response, a truncated one, or a request that was never sent."""
        kind = type(error).__name__
        if kind in NO_CREDENTIALS:
            return no_credentials(error, told)
        if kind in WRONG_SETTINGS:
            return InvalidSettings(f"{told}: botocore does not accept the request ({kind})")
        silent = f"no complete answer from {self.endpoint} ({kind}), at each of up to {self.options.attempts} attempts"
        return self.unavailable(f"{told}: {silent}")

    def refuse_other_region(self, response: Any, region: str) -> None:
        """Check that a response, as botocore's `needs-retry` has it, is of `region`. Raises: InvalidSettings."""
        if response is None:
            return
        parsed = response[1]
        headers = parsed.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        lives = headers.get("x-amz-bucket-region") or parsed.get("Error", {}).get("Region")
        code = _code(parsed)
        if code not in ELSEWHERE or lives == region or (code == "AuthorizationHeaderMalformed" and not lives):
            return
        raise InvalidSettings(
            f"s3://{self.name}: the bucket is in region {lives or 'unknown'}, the settings say {region}: "
            "set the s3 region or AWS_DEFAULT_REGION to the bucket's"
        )


def no_credentials(error: Exception, told: str) -> AccessDenied:
    """Return the error for missing or incomplete credentials."""
    return AccessDenied(
        f"{told}: no usable AWS credentials ({type(error).__name__}): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
        "AWS_PROFILE, or give the machine a role"
    )


def _code(parsed: Any) -> str:
    return str(parsed.get("Error", {}).get("Code", ""))
