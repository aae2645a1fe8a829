"""The nouns of judging: questions with the places that answer them, the gate's rules, verdicts."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from ingest.records.generations import CarriedOrigin, RaisedLimit, Record


@dataclass(frozen=True, slots=True)
class Gold:
    """One place that answers a question: anchored to the document, never to a chunk."""

    doc: Annotated[str, Field(min_length=1, description="path relative to the source's root")]
    grade: Annotated[int, Field(ge=0, description="higher is better; 0: judged, not relevant")] = 1
    headings: Annotated[tuple[str, ...], Field(description="path of headings from the title to the section")] = ()
    spans: Annotated[tuple[str, ...], Field(description="exact texts, one of which a relevant chunk holds")] = ()
    start: Annotated[int | None, Field(ge=0, description="code point in the file where the place begins")] = None
    end: Annotated[int | None, Field(ge=1, description="code point in the file just after the place")] = None
    added: Annotated[bool | str, Field(description="an alternative place with the same text; may tell why")] = False
    sha256: Annotated[str, Field(pattern="^([0-9a-f]{64})?$", description="of the file that was judged")] = ""
    source: Annotated[str, Field(description="name of the source; empty for any")] = ""

    def is_in(self, source: str, path: str) -> bool:
        """Return whether this place is in the given document."""
        return self.doc == path and self.source in ("", source)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks. What is left out is that of the gold document."""

    groups: Annotated[tuple[str, ...] | None, Field(min_length=1, description="groups that the asker is in")] = None
    tenant: Annotated[str | None, Field(min_length=1, description="whose documents the asker may see")] = None


@dataclass(frozen=True, slots=True)
class Question:
    """One line of a judged set. Other keys are allowed and ignored."""

    query_id: Annotated[str, Field(min_length=1, description="unique in all sets of an index")]
    text: Annotated[str, Field(min_length=1)]
    answerable: Annotated[bool, Field(description="false: no place in the collection answers it")] = True
    gold: tuple[Gold, ...] = ()
    slices: Annotated[dict[str, str], Field(description="name → value, for scores by group")] = field(
        default_factory=dict
    )
    must_pass: Annotated[bool, Field(description="the gate refuses a candidate that does not answer it")] = False
    asker: Annotated[Asker, Field(description="who asks; by default, one who may see the gold document")] = Asker()


class Move(Record):
    """A judged document that was found at another path by its bytes."""

    doc: str  # with source and sha256: as the judged place names it
    source: str
    sha256: str
    to: str  # path where it was found
    to_source: str


class Moves(Record):
    """`moves/<n>.json`: all moves of judged documents that were followed so far; the newest record counts."""

    generation: str  # the one in which the newest of them was found
    moves: tuple[Move, ...]


class SliceRules(Record):
    """What each slice of the questions must reach."""

    floors: dict[str, dict[str, float]] = Field(default_factory=dict)  # "*", name or "name=value" → metric → least mean
    margin: float = Field(default=0.1, ge=0, le=1)  # a slice whose mean fell by more than chance and this has fallen
    min_questions: int = Field(default=3, ge=1)  # a smaller slice decides nothing


class GateRules(Record):
    """What a candidate must reach. Part of the settings, recorded with each verdict. Metrics are "stage.metric"."""

    floors: dict[str, float] = Field(default_factory=lambda: {"fused.ndcg@10": 0.2})  # lowest means; 0 gives a warning
    metric: str = "fused.ndcg@10"  # compared with the serving release
    margin: float = Field(default=0.02, ge=0, le=1)  # promote iff the lower bound of the difference is at least −margin
    confidence: float = Field(default=0.95, gt=0, lt=1)  # of the two-sided interval
    min_questions: int = Field(default=20, ge=0)  # fewer are reported as too few
    max_stale_share: float = Field(default=0.2, ge=0, le=1)  # of judged questions
    min_dense_recall: float = Field(default=0.95, ge=0, le=1)  # of approximate against exact search; 0: not checked
    # Left at their defaults these two are no part of the recorded rules, whose digest stays what it was.
    max_hub_share: float = Field(default=0.1, gt=0, le=1, exclude_if=lambda share: share == 0.1)  # see `quality.hubs`
    slices: SliceRules = Field(default=SliceRules(), exclude_if=lambda rules: rules == SliceRules())
    must_pass_metric: str = "fused.recall@10"
    must_pass_above: float = Field(default=0.0, ge=0, lt=1)  # each must-pass question must exceed it; 0: found at all
    allow_unjudged: bool = False  # True: promote without judged questions; every verdict notes it


class PairedDifference(Record):
    """Candidate minus serving, over the same questions."""

    metric: str
    questions: int
    mean: float
    lower: float  # of the two-sided interval
    upper: float
    detectable: float  # smallest true difference found with 80 % power


class SliceScore(Record):
    """How the questions that share a property fared."""

    name: str  # source, media_type, language, acl, asker, or what a judged set names
    value: str
    questions: int
    state: Literal["held", "fell", "too small", "all questions", "not compared"]
    candidate_scores: dict[str, float]  # "stage.metric" → mean
    serving_scores: dict[str, float]
    differences: tuple[PairedDifference, ...] = ()  # with intervals that hold for all slices together


class Verdict(Record):
    """`verdicts/<sha256>.json`: data with reasons, never an exception."""

    index: str
    candidate: str
    serving: str | None  # generation it was compared with
    release: int | None  # number of that release
    positive: bool
    reasons: tuple[str, ...]  # against; empty when positive
    warnings: tuple[str, ...]
    questions: int  # that count in the figures
    stale: tuple[str, ...]  # query ids excluded on both sides
    candidate_scores: dict[str, float]  # "stage.metric" → mean
    serving_scores: dict[str, float]
    difference: PairedDifference | None
    rules: GateRules
    unscored: dict[str, int] = Field(default_factory=dict)  # why → questions that are not stale and count in no figure
    moved: dict[str, str] = Field(default_factory=dict)  # path that judged sets name → path where its document is now
    slices: tuple[SliceScore, ...] = ()  # by name and value
    raised: RaisedLimit | None = None  # by a person, for this candidate
    carried: tuple[CarriedOrigin, ...] = ()  # what is stale in the candidate
