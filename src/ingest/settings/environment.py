"""What is read from the process's surroundings besides settings, and what libraries below are told through them."""

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
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "16",  # torch keeps code and buffers for 1,024 shapes: measured +800 MB
}  # usage reports and downloads at run time are off unless the environment says otherwise


def quiet_environment() -> None:
    """Turn off usage reports and downloads of the libraries below, unless the environment says otherwise."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


def whoami() -> str:
    """Return who runs this, for records that people read."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
