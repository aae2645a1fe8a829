"""What is read from the process environment besides settings, and how libraries are configured through it."""

import getpass
import os
import socket

QUIET = {
    "DO_NOT_TRACK": "1",
    "SCARF_NO_ANALYTICS": "true",
    "UNSTRUCTURED_DISABLE_NOTICE": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "16",  # torch's default, code and buffers for 1,024 shapes, takes much memory
}  # usage reports and downloads at run time are off unless the environment says otherwise


def quiet_environment() -> None:
    """Turn off usage reports and downloads by libraries, unless the environment says otherwise."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


def whoami() -> str:
    """Return "user@host" of this process, for records that people read."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
