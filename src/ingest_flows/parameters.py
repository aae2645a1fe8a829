"""Typed parameters of the deployments: the forms of the Prefect UI, enforced by its API."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

WINDOW: int = Field(default=4, ge=1, le=64, description="Shards in flight")
WHY: str = Field(min_length=3, max_length=500, pattern=r"\S", description="One line for the record")


class Target(BaseModel):
    """Which index, by which settings."""

    model_config = ConfigDict(extra="forbid")

    settings: Path = Field(default=Path("ingest.yaml"), description="Settings file on the worker")
    index: str | None = Field(default=None, description="Name of the index; the only one when empty")


class NightlyParameters(Target):
    """What a nightly run may touch and decide."""

    sources: list[str] = Field(
        default=[], description="Names of sources; all when empty. Nothing else is touched or deleted"
    )
    prefixes: list[str] = Field(default=[], description="Prefixes of document URIs; all when empty")
    promote: bool = Field(default=True, description="Promote on a positive verdict; otherwise leave it to a person")
    window: int = WINDOW


class EvaluateParameters(Target):
    """What to judge."""

    generation: str | None = Field(
        default=None,
        description="Sealed generation; the one that waits for promotion when empty, else the one that serves",
    )


class PromoteParameters(Target):
    """What to promote."""

    generation: str | None = Field(
        default=None, description="Sealed generation; the one that waits when empty. What was rolled back must be named"
    )
    why: str = WHY
    lift_hold: bool = Field(
        default=False, description="End a hold; also when no generation is named and none is promoted"
    )


class RollbackParameters(Target):
    """Where to go back to."""

    to: int | None = Field(
        default=None, ge=1, description="Number of a release; the newest with another generation or profile when empty"
    )
    why: str = WHY
