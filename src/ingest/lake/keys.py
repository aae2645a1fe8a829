"""Which keys are valid: every store can hold them, and none of them leads out of the store's root."""

from ingest.errors import InvalidSettings

TEMPORARY = ".tmp-"  # prefix of the temporary files that stores write; never part of a key
KEY_BYTES = 1024  # S3's limit, the lake's prefix included
NAME_BYTES = 255  # a file system's limit per part


def check_key(key: str) -> None:
    """Check that `key` consists of valid parts joined by "/". Raises: InvalidSettings."""
    parts = key.split("/")
    if any(not part or part in (".", "..") or part.startswith(TEMPORARY) for part in parts):
        raise InvalidSettings(f"key {key!r}: a part is empty, '.', '..' or begins with {TEMPORARY}")
    if any(ord(letter) < 32 or letter == "\x7f" or "\ud800" <= letter <= "\udfff" for letter in key):
        raise InvalidSettings(f"key {key!r}: holds a control character or half a surrogate pair")
    longest = max(len(part.encode()) for part in parts)
    if longest > NAME_BYTES or len(key.encode()) > KEY_BYTES:
        raise InvalidSettings(
            f"key {key!r}: {len(key.encode())} bytes with a part of {longest}, "
            f"over the limits of {KEY_BYTES} and {NAME_BYTES}"
        )


def check_prefix(prefix: str) -> None:
    """Check that `prefix` is "" or a valid key followed by "/". Raises: InvalidSettings."""
    if prefix and not prefix.endswith("/"):
        raise InvalidSettings(f"prefix {prefix!r} does not end with '/'")
    if prefix:
        check_key(prefix[:-1])
