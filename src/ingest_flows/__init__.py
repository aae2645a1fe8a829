"""Prefect: executor, flows, deployments. No logic."""

from ingest.settings import quiet_environment

quiet_environment()  # Prefect reads its settings, and may send usage data, as soon as it is imported
