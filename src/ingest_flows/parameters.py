"""Typed parameters of the deployments: the forms of the Prefect UI, enforced by its API."""

from datetime import datetime
from pathlib import Path
from typing import cast

from pydantic import BaseModel, ConfigDict, Field

from ingest.pipeline.scope import Choice, Forced

WINDOW: int = Field(default=4, ge=1, le=64, description="Shards in flight")
WHY: str = Field(min_length=3, max_length=500, pattern=r"\S", description="Reason, for the record")


class Target(BaseModel):
    """Which index, with which settings."""

    model_config = ConfigDict(extra="forbid")

    settings: Path = Field(default=Path("ingest.yaml"), description="Settings file on the worker")
    index: str | None = Field(default=None, description="Name of the index; if empty, the only one")


class NightlyParameters(Target):
    """What a nightly run may touch and decide. Everything else is carried over, never deleted."""

    sources: list[str] = Field(
        default=[], description="Names of sources; if empty, all. Nothing else is touched or deleted"
    )
    prefixes: list[str] = Field(default=[], description="Prefixes of document URIs; if empty, all")
    promote: bool = Field(default=True, description="Promote on a positive verdict; otherwise leave it to a person")
    max_deleted_share: float | None = Field(
        default=None, ge=0, le=1, description="Raises the delete guard's limit for this run; needs `why`"
    )
    why: str | None = Field(default=None, max_length=500, description="Reason for `max_deleted_share`, for the record")
    window: int = WINDOW

    def choice(self) -> Choice:
        """Return what was chosen of the index."""
        return cast(Choice, self.model_dump(include=set(Choice.__annotations__), exclude_defaults=True))


class BackfillParameters(NightlyParameters):
    """What a backfill builds again: the documents that meet every condition that is not empty."""

    uris: list[str] = Field(default=[], description="URIs of documents; if empty, all")
    modified_since: datetime | None = Field(default=None, description="Only what its source dates so or later; UTC")
    modified_until: datetime | None = Field(default=None, description="Only what its source dates before; UTC")
    errors: list[str] = Field(
        default=[], description="Classes of errors, such as ParserTimeout: only what is in quarantine with one, again"
    )
    force: list[Forced] = Field(
        default=[], description="parse: read documents again though nothing changed; embed: compute their vectors again"
    )
    dry_run: bool = Field(default=False, description="Only plan; the plan becomes an artifact")


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
    max_deleted_share: float | None = Field(
        default=None, ge=0, le=1, description="Raises the delete guard's limit for this candidate"
    )
    lift_hold: bool = Field(
        default=False, description="Lift a hold, even if no generation is named and none is promoted"
    )


class RollbackParameters(Target):
    """Where to go back to."""

    to: int | None = Field(
        default=None, ge=1, description="Number of a release; if empty, the newest with another generation or profile"
    )
    why: str = WHY
