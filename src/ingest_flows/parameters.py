"""Typed parameters of the deployments: the forms of the Prefect UI, enforced by its API."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

WINDOW: int = Field(default=4, ge=1, le=64, description="Shards in flight")
WHY: str = Field(min_length=3, max_length=500, pattern=r"\S", description="Reason, for the record")


class Target(BaseModel):
    """Which index, with which settings."""

    model_config = ConfigDict(extra="forbid")

    settings: Path = Field(default=Path("ingest.yaml"), description="Settings file on the worker")
    index: str | None = Field(default=None, description="Name of the index; if empty, the only one")


class NightlyParameters(Target):
    """What a nightly run may touch and decide."""

    sources: list[str] = Field(
        default=[], description="Names of sources; if empty, all. Nothing else is touched or deleted"
    )
    prefixes: list[str] = Field(default=[], description="Prefixes of document URIs; if empty, all")
    promote: bool = Field(default=True, description="Promote on a positive verdict; otherwise leave it to a person")
    window: int = WINDOW


class EvaluateParameters(Target):
    """What to judge."""

    generation: str | None = Field(
        default=None,
        description="Sealed generation; if empty, the one waiting for promotion, else the serving one",
    )


class PromoteParameters(Target):
    """What to promote."""

    generation: str | None = Field(
        default=None, description="Sealed generation; if empty, the waiting one. One that was rolled back must be named"
    )
    why: str = WHY
    lift_hold: bool = Field(
        default=False, description="Lift a hold, even if no generation is named and none is promoted"
    )


class RollbackParameters(Target):
    """Where to go back to."""

    to: int | None = Field(
        default=None, ge=1, description="Number of a release; if empty, the newest with another generation or profile"
    )
    why: str = WHY
