"""Which documents a run may touch or does again, and the check of what a person or a program asks for."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cache, wraps
from operator import attrgetter
from typing import Any, Literal, ParamSpec, Self, TypeVar

from pydantic import ConfigDict, ValidationError, validate_call, with_config
from typing_extensions import TypedDict  # pydantic takes none of 3.11's

from ingest import errors
from ingest.documents import parsers
from ingest.errors import DocumentError, InvalidSettings, first_fault
from ingest.records import DocumentRef, Quarantined

Forced = Literal["parse", "embed"]
within = attrgetter("prefixes", "uris", "modified_since", "modified_until", "errors", "parsers")  # limits in a source
NO_REASON = "one line that says why is needed, for the record"
ONE_TEXT = ("'str' instances are not allowed as a Sequence value", "Input should be a list of texts")
P = ParamSpec("P")
T = TypeVar("T")
By = str | tuple[str, ...]  # as the setting `carry_by`
Placed = DocumentRef | Quarantined
Sick = dict[str, str]  # name of an origin → why it cannot be taken as it is


@with_config(extra="forbid")
class Choice(TypedDict, total=False):
    """Which documents a run may touch: those that meet every condition given. The others are carried, never deleted."""

    sources: Sequence[str]  # names
    prefixes: Sequence[str]  # of URIs
    uris: Sequence[str]
    modified_since: datetime | date | None  # by the source; UTC where it names no time zone
    modified_until: datetime | date | None  # before this moment
    errors: Sequence[str]  # classes: it, or something inside it, is in quarantine with one; it is then read again
    parsers: Sequence[str]  # names: the base has it, or something inside it, as one of these read it
    force: Sequence[Forced]  # parse: read it again although nothing changed; embed: compute its vectors again


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run may touch. Everything outside is carried, never deleted."""

    sources: tuple[str, ...] = ()  # names; () for all, as below
    prefixes: tuple[str, ...] = ()  # of URIs
    uris: frozenset[str] = frozenset()
    modified_since: datetime | None = None  # at this moment or later, by the source
    modified_until: datetime | None = None  # before this moment
    errors: frozenset[str] = frozenset()  # classes of failures in quarantine
    failed: frozenset[str] = frozenset()  # URIs of listed documents of which, or inside which, something failed so
    parsers: frozenset[str] = frozenset()  # names
    force: frozenset[str] = frozenset()  # parse, embed
    sick: Mapping[str, str] = field(default_factory=dict, hash=False)  # origins that are carried, each with why
    by: By = "source"  # what an origin is
    places: tuple[str, ...] = ()  # of sick sources: what another one lists there may be theirs
    instead_of: str = ""  # the first generation whose plan did not carry all of these
    judged: bool = False  # whether a verdict showed that one of them is sick
    doubts: bool = field(default=False, compare=False)  # whether all files are hashed: one was found damaged

    @classmethod
    def of(cls, choice: Choice) -> Self:
        """Return the scope of a choice. Raises: InvalidSettings for an error or parser that is none."""
        kinds = {n for n, one in vars(errors).items() if isinstance(one, type) and issubclass(one, DocumentError)}
        read = choice.get("parsers", ())
        if wrong := {*choice.get("errors", ())} - kinds | {*read}.difference(parsers.names() if read else ()):
            known = "errors are in docs/errors.md, parsers are called like their files"
            raise InvalidSettings(f"scope: {', '.join(sorted(wrong))} is unknown; {known}")
        sets = dict.fromkeys(("uris", "errors", "parsers", "force"), frozenset)
        made: dict[str, Any] = {"sources": tuple, "prefixes": tuple, **sets}
        return cls(**{name: made.get(name, _moment)(value) for name, value in choice.items()})

    def holds(self, ref: DocumentRef) -> bool:
        """Return whether a listed document may be touched."""
        return (
            (not self.sources or ref.source in self.sources)
            and (not self.prefixes or ref.uri.startswith(self.prefixes))
            and (not self.uris or ref.uri in self.uris)
            and (not self.errors or ref.uri in self.failed)
            and self._holds_time(ref.modified)
            and not self.is_sick(ref)
            and not ref.uri.startswith(self.places)
        )

    def is_sick(self, row: Placed) -> bool:
        """Return whether a document is of an origin that is carried."""
        return not self.sick.keys().isdisjoint((row.source, origin_of(row, self.by)))

    @property
    def reads_again(self) -> bool:
        """Whether every document of the scope is read, also when nothing about it changed."""
        return "parse" in self.force or bool(self.errors)

    def _holds_time(self, modified: str) -> bool:
        since, until = self.modified_since, self.modified_until
        at = _moment(datetime.fromisoformat(modified)) if modified and (since or until) else None
        return not (since or until) or (at is not None and (not since or since <= at) and (not until or at < until))


def _moment(at: datetime | date | None) -> datetime | None:
    moment = at if at is None or isinstance(at, datetime) else datetime.combine(at, time())
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def checked(method: Callable[P, T]) -> Callable[P, T]:
    """Make a method raise InvalidSettings for arguments of other types than it states, and for a blank reason."""
    config = ConfigDict(strict=True, arbitrary_types_allowed=True, defer_build=True)
    takes, check = inspect.signature(method), validate_call(config=config)(wraps(method)(lambda **_: None))

    @wraps(method)
    def checked(*args: P.args, **named: P.kwargs) -> T:
        given = takes.bind(*args, **named).arguments
        for reason in (given.get("why"), given.get("take_over")):
            if isinstance(reason, str) and not reason.strip():
                raise InvalidSettings(f"{method.__name__}: {NO_REASON}")
        try:
            check(**given.pop("choice", {}), **given)
        except ValidationError as error:
            fault, value = first_fault(error).replace(*ONE_TEXT), error.errors()[0]["input"]
            found = value if isinstance(value, int | float) else type(value).__name__  # a text may be a secret
            raise InvalidSettings(f"{method.__name__}: {fault}, found {found}") from None  # pydantic's repeats it
        return method(*args, **named)

    return checked


class OriginsSick(Exception):
    """Some origins turned out to be sick after the plan: it is made again, with the scope that is the argument."""


def origin_of(row: Placed, by: By) -> str:
    """Return the name of a document's origin; without a tenant and outside all prefixes it is the source."""
    if by == "tenant" and (tenant := getattr(row, "tenant", "")):
        return f"tenant {tenant}"
    found = _pattern(by).match(row.uri) if isinstance(by, tuple) and by else None
    return found[0] if found is not None else row.source


@cache
def _pattern(prefixes: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(p).replace(r"\*", "[^/]+") for p in sorted(prefixes, reverse=True)))
