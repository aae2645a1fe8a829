"""What a key of a store may look like, so that every store can hold it and none can be led out of its root."""

from ingest.errors import InvalidSettings

TEMPORARY = ".tmp-"  # how files begin that stores write on the way; never a key
KEY_BYTES = 1024  # S3's limit, with the lake's prefix
NAME_BYTES = 255  # a file system's limit for each part


def check_key(key: str) -> None:
    """Do nothing when `key` is parts joined by "/". Raises: InvalidSettings."""
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
    """Do nothing when `prefix` is "" or a key with "/" at its end. Raises: InvalidSettings."""
    if prefix and not prefix.endswith("/"):
        raise InvalidSettings(f"prefix {prefix!r} does not end with '/'")
    if prefix:
        check_key(prefix[:-1])
