"""The options that choose which documents a run may touch."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, cast

from typer import Option

from ingest.cli.invocation import SourcesOption

if TYPE_CHECKING:
    from ingest.pipeline.scope import Choice

DAYS_AND_MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]
Since = Annotated[
    datetime | None,
    Option("--since", metavar="TIME", formats=DAYS_AND_MOMENTS, help="Only what its source dates so or later; UTC."),
]
Until = Annotated[
    datetime | None,
    Option("--until", metavar="TIME", formats=DAYS_AND_MOMENTS, help="Only what its source dates before; UTC."),
]


@dataclass(frozen=True)
class ChoiceOptions:
    """As `ingest.pipeline.scope.Choice`. What meets all of them may be touched."""

    sources: SourcesOption = None
    prefixes: Annotated[
        list[str] | None, Option("--prefix", metavar="URI", help="Only URIs with this prefix; may be repeated.")
    ] = None
    uris: Annotated[list[str] | None, Option("--uri", metavar="URI", help="Only this document; may be repeated.")] = (
        None
    )
    modified_since: Since = None
    modified_until: Until = None
    errors: Annotated[
        list[str] | None,
        Option("--error", metavar="CLASS", help="Only what is in quarantine with this error, again; may be repeated."),
    ] = None
    force: Annotated[
        list[str] | None,
        Option("--force", metavar="parse|embed", help="Do this again though nothing changed; may be repeated."),
    ] = None

    def choice(self) -> "Choice":
        """Return what was chosen."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return cast("Choice", {name: value for name, value in given.items() if value})
