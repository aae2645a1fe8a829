"""Typed parameters of the deployments: the forms of the Prefect UI, enforced by its API."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class Target(BaseModel):
    """Which index, by which settings."""

    model_config = ConfigDict(extra="forbid")

    settings: Path = Field(Path("ingest.yaml"), description="Settings file on the worker")
    index: str | None = Field(None, description="Name of the index; the only one when empty")


class NightlyParameters(Target):
    """What a nightly run may touch and decide."""

    sources: list[str] = Field([], description="Names of sources; all when empty. Nothing else is touched or deleted")
    prefixes: list[str] = Field([], description="Prefixes of document URIs; all when empty")
    promote: bool = Field(True, description="Promote on a positive verdict; otherwise leave it to a person")
    window: int = Field(4, ge=1, le=64, description="Shards in flight")


class PromoteParameters(Target):
    """What to promote."""

    generation: str | None = Field(None, description="Generation; the newest sealed one when empty")
    why: str = Field(..., min_length=3, description="One line for the record")
    lift_hold: bool = Field(False, description="End a hold with this promotion")


class RollbackParameters(Target):
    """Where to go back to."""

    to: int | None = Field(None, ge=1, description="Number of a release; the one before when empty")
    why: str = Field(..., min_length=3, description="One line for the record and the hold")
