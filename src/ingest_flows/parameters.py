"""Typed parameters of the deployments: the forms of the Prefect UI, enforced by its API."""

from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Self, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ingest import registry
from ingest.documents.parsers import GROUP
from ingest.pipeline.scope import Choice, Forced

WINDOW: int = Field(default=4, ge=1, le=64, description="Shards in flight")
REASON: str = Field(
    min_length=3,
    max_length=500,
    pattern=r"\S",
    description="Reason, for the record",
    examples=["read the verdict, the slices that fell are of the old handbook"],
)
# Without importing them: a worker needs the names only.
PARSERS = sorted({*registry.names("ingest.documents.parsers"), *(one.name for one in entry_points(group=GROUP))})
ParserName = Annotated[str, Field(json_schema_extra={"enum": [*PARSERS]})]
Named = Annotated[list[str], Field(max_length=10_000)]  # what a person or a program can put into a form


class Target(BaseModel):
    """Which index, with which settings."""

    model_config = ConfigDict(extra="forbid")

    settings: Path = Field(default=Path("ingest.yaml"), description="Settings file on the worker")
    index: str | None = Field(default=None, description="Name of the index; if empty, the only one")


class Scoped(Target):
    """A target of which a part can be chosen."""

    def choice(self) -> Choice:
        """Return what was chosen of the index, or of what is in quarantine."""
        return cast(Choice, self.model_dump(include=set(Choice.__annotations__), exclude_defaults=True))


class NightlyParameters(Scoped):
    """What a nightly run may touch and decide. Everything else is carried over, never deleted."""

    sources: Named = Field(
        default=[], description="Names of sources; if empty, all. Nothing else is touched or deleted"
    )
    prefixes: Named = Field(default=[], description="Prefixes of document URIs; if empty, all")
    promote: bool = Field(default=True, description="Promote on a positive verdict; otherwise leave it to a person")
    max_deleted_share: float | None = Field(
        default=None, ge=0, le=1, description="Raises the delete guard's limit for this run; needs `why`"
    )
    why: str | None = Field(default=None, max_length=500, description="Reason for `max_deleted_share`, for the record")
    max_gpu_minutes: float | None = Field(
        default=None, ge=0, description="Budget of this run instead of the settings' one; 0: without a limit"
    )
    window: int = WINDOW


class BackfillParameters(NightlyParameters):
    """What a backfill builds again: the documents that meet every condition that is not empty."""

    uris: Named = Field(default=[], description="URIs of documents; if empty, all")
    modified_since: datetime | None = Field(default=None, description="Only what its source dates so or later; UTC")
    modified_until: datetime | None = Field(default=None, description="Only what its source dates before; UTC")
    errors: Named = Field(
        default=[], description="Classes of errors, such as ParserTimeout: only what is in quarantine with one, again"
    )
    parsers: list[ParserName] = Field(
        default=[], description="Only what these parsers read, for what serves; if empty, whatever read it"
    )
    force: list[Forced] = Field(
        default=[], description="parse: read documents again though nothing changed; embed: compute their vectors again"
    )
    dry_run: bool = Field(default=False, description="Only plan; the plan becomes an artifact")


class ReplayParameters(Scoped):
    """What is tried again: the documents in quarantine that meet every condition that is not empty."""

    sources: Named = Field(default=[], description="Names of sources; if empty, all")
    prefixes: Named = Field(default=[], description="Prefixes of document URIs; if empty, all")
    uris: Named = Field(default=[], description="URIs or ids of documents; if empty, all that are in quarantine")
    errors: Named = Field(
        default=[],
        description="Classes of errors; if empty, all",
        examples=[["ParserTimeout", "OversizedDocument"]],
    )
    modified_since: datetime | None = Field(default=None, description="Only what is left out since then or later; UTC")
    modified_until: datetime | None = Field(default=None, description="Only what is left out since before then; UTC")
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
    why: str = REASON
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
    why: str = REASON


class ReconcileParameters(Target):
    """Nothing to choose: all that serves is compared."""


class RetireParameters(Target):
    """What may be removed is in the settings."""

    dry_run: bool = Field(default=True, description="Only tell what would go; switch it off to remove it")


class RevokeParameters(Target):
    """Which documents nobody may find any more: all that are named, with everything inside them."""

    why: str = REASON
    uris: Named = Field(default=[], description="URIs or ids of documents")
    prefixes: Named = Field(default=[], description="All documents whose URIs begin so")
    sources: Named = Field(default=[], description="All documents of these sources")
    tenants: Named = Field(default=[], description="All documents of these tenants")
    lift: int | None = Field(default=None, ge=1, description="Number of a revocation to lift; then name nothing else")

    @model_validator(mode="after")
    def _something(self) -> Self:
        named = bool(self.uris or self.prefixes or self.sources or self.tenants)
        if named == (self.lift is not None):
            raise ValueError("name documents to revoke, or a revocation to lift: one of both")
        return self


class SyncParameters(Target):
    """Nothing to choose: all sources are listed."""
