"""Prefect: executor, flows, deployments. No logic."""
