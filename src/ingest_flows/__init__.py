"""Prefect: executor, flows, deployments. No logic."""

from ingest.extras import require
from ingest.settings import quiet_environment

quiet_environment()  # Prefect reads its settings, and may send usage data, on import
require("ingest_flows", "ingest[flows]", "prefect")
