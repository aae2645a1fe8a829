"""Scores → verdict: floors, and the paired difference from the serving release. Data with reasons, no exception."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ingest.quality.judged_sets import UNANSWERABLE
from ingest.quality.metrics import ROUNDING, Scores, below_floors, mean_scores, paired, paired_difference
from ingest.quality.question_slices import Slice, judge_slices
from ingest.records import GateRules, PairedDifference, SliceScore, Verdict

NAMED = 10  # questions named in one sentence


@dataclass(frozen=True)
class Facts:
    """What the gate needs besides the scores."""

    index: str
    candidate: str  # generation
    serving: str | None = None  # generation to compare with; None: nothing serves, or it cannot be evaluated
    release: int | None = None  # number of the release that serves
    judged: int = 0  # answerable questions in the judged sets, including stale ones
    stale: Sequence[str] = ()  # query ids whose gold place was changed or deleted at the source
    moved: Mapping[str, str] = field(default_factory=dict)  # path that judged sets name → path now
    slices: Mapping[str, Sequence[Slice]] = field(default_factory=dict)  # by query id, stale ones too
    unscored: Mapping[str, Sequence[str]] = field(default_factory=dict)  # why → query ids that count in no figure
    must_pass: Sequence[str] = ()  # query ids
    problems: Sequence[str] = ()  # found by other checks, one sentence each
    notes: Sequence[str] = ()  # warnings of other checks


@dataclass
class _Findings:
    reasons: list[str]
    warnings: list[str]


def judge(candidate: Scores, serving: Scores | None, rules: GateRules, facts: Facts) -> Verdict:
    """Return the verdict on a candidate.

    Positive if and only if nothing speaks against it: integrity problems; no judged questions (unless the rules allow
    that); too many stale ones; a mean below its floor; a must-pass question that fails; a slice that fell or is below a
    floor of its own (`judge_slices`); a paired difference candidate − serving whose lower bound is below −margin. If
    either side re-ranks, what its callers get (re-ranked, else fused) must keep that bound too: a worse re-ranker
    leaves the fused order as it is. Without a serving release, only floors and must-pass questions decide. Stale
    questions count on neither side. Too few questions are reported, with what they can detect, under the same bound.

    Both sides are scored on the same questions; `serving` is None if there is nothing to compare with.
    """
    found = _Findings([*facts.problems], [*facts.notes])
    _check_rules(rules, found)
    unscored = {query_id for ids in facts.unscored.values() for query_id in ids}
    every = _live(candidate, "candidate", facts, found)
    live = {q: row for q, row in every.items() if q not in unscored}
    counted = {q: row for q, row in (serving or {}).items() if q not in unscored}
    against = None if serving is None else _live(counted, "serving release", facts, found)
    difference, slices = None, list[SliceScore]()
    if _check_questions(live, rules, facts, found):
        found.reasons.extend(below_floors(live, rules.floors))
        _check_must_pass(every, rules, facts, found)
        difference = _check_difference(live, against, rules, facts, found)
        slices, fallen = judge_slices(live, against, rules, facts.slices)
        found.reasons.extend(fallen)
    return Verdict(
        **{name: getattr(facts, name) for name in ("index", "candidate", "serving", "release")},
        positive=not found.reasons,
        **{name: tuple(told) for name, told in vars(found).items()},
        questions=len(live),
        stale=tuple(sorted(facts.stale)),
        unscored={why: len({*ids} - {*facts.stale}) for why, ids in facts.unscored.items()},
        candidate_scores=mean_scores(live),
        serving_scores=mean_scores(against or {}),
        difference=difference,
        rules=rules,
        moved=dict(sorted(facts.moved.items())),
        slices=tuple(slices),
    )


def _live(scores: Scores, side: str, facts: Facts, found: _Findings) -> dict[str, dict[str, float]]:
    rows = {query_id: scores[query_id] for query_id in sorted(set(scores) - set(facts.stale))}
    wrong = ((q, m, value) for q, row in rows.items() for m, value in row.items() if not math.isfinite(value))
    found.reasons += (f"{m} of question {q} on the {side} is {value}, not a number." for q, m, value in wrong)
    return {q: {m: value for m, value in row.items() if math.isfinite(value)} for q, row in rows.items()}


def _check_rules(rules: GateRules, found: _Findings) -> None:
    if rules.allow_unjudged:
        found.warnings.append("allow_unjudged is set: this index may be promoted without any judged question.")
    if not rules.floors:
        found.warnings.append("No floor is set: an index that finds nothing would pass if nothing serves yet.")
    low = ((metric, floor) for metric, floor in sorted(rules.floors.items()) if floor <= 0)
    found.warnings += (f"The floor of {metric} is {floor:g}: it refuses nothing." for metric, floor in low)


def _check_questions(live: Scores, rules: GateRules, facts: Facts, found: _Findings) -> bool:
    if not facts.judged and not live:
        notes, told = found.reasons, "write some (docs/judged-questions.md), or set allow_unjudged"
        if rules.allow_unjudged:
            notes, told = found.warnings, "nothing is known about its quality"
        notes.append(f"No judged question measures this index: {told}.")
        return False
    total, stale = max(facts.judged, len(live) + len(facts.stale)), len(facts.stale)
    if stale / total > rules.max_stale_share:
        told = f"{stale} of {total} judged questions are stale ({stale / total:.1%})"
        found.reasons.append(f"{told}, at most {rules.max_stale_share:.1%} may be: {_named(facts.stale)}.")
    elif facts.stale:
        found.warnings.append(f"{stale} stale questions were left out: {_named(facts.stale)}.")
    moved = [f"{doc} is now {to}" for doc, to in facts.moved.items()]
    pairs = {f"questions {why}": ids for why, ids in facts.unscored.items() if why != UNANSWERABLE}
    pairs["judged documents moved and were followed"] = moved
    found.warnings += (f"{len(names)} {what}: {_named(names)}." for what, names in pairs.items() if names)
    if not live:
        found.reasons.append(f"None of the {total} judged questions could be scored.")
    return bool(live)


def _check_must_pass(live: Scores, rules: GateRules, facts: Facts, found: _Findings) -> None:
    metric, least = rules.must_pass_metric, rules.must_pass_above
    for query_id in sorted(set(facts.must_pass)):
        if query_id in facts.stale:
            found.warnings.append(f"Must-pass question {query_id} is stale: nothing is known about it.")
        elif (value := live.get(query_id, {}).get(metric)) is None:
            found.reasons.append(f"Must-pass question {query_id} has no {metric}: it was not scored.")
        elif value <= least:
            told = f"Must-pass question {query_id} has {metric} {value:.4f}"
            found.reasons.append(f"{told}, it must be above {least:.4f}.")


def _check_difference(
    live: Scores, against: Scores | None, rules: GateRules, facts: Facts, found: _Findings
) -> PairedDifference | None:
    if against is None:  # fine only for the first generation
        if facts.serving is not None:
            found.reasons.append(f"Generation {facts.serving} serves, but it was not scored: there is no comparison.")
        elif facts.release is not None:
            found.warnings.append(f"Release {facts.release} could not be evaluated: the floors alone decided.")
        if (count := sum(rules.metric in row for row in live.values())) < rules.min_questions:
            found.warnings.append(f"Only {count} questions measure {rules.metric}, fewer than {rules.min_questions}.")
        return None
    by_metric = paired(live, against, rules.metric)
    pairs = by_metric.pop(rules.metric)
    for metric, differences in by_metric.items():
        if differences:
            _check_margin(paired_difference(metric, [*differences.values()], rules.confidence), rules, facts, found)
    if not pairs:
        sides = f"Candidate ({len(live)} questions) and serving release ({len(against)})"
        notes = found.warnings if rules.allow_unjudged else found.reasons
        notes.append(f"{sides} share no {rules.metric}: they cannot be compared.")
        return None
    if apart := len(set(live) ^ set(against)):
        found.warnings.append(f"{apart} questions were scored on one side only; {len(pairs)} are compared.")
    difference = paired_difference(rules.metric, list(pairs.values()), rules.confidence)
    if len(pairs) < rules.min_questions:
        missed = f"a true difference below {difference.detectable:.4f} is likely to be missed"
        told = missed if difference.detectable else "all differences are equal, so what they can detect is not known"
        found.warnings.append(f"Only {len(pairs)} questions are compared, fewer than {rules.min_questions}: {told}.")
    _check_margin(difference, rules, facts, found)
    return difference


def _check_margin(difference: PairedDifference, rules: GateRules, facts: Facts, found: _Findings) -> None:
    by, d = "release" if facts.release is None else f"release {facts.release}", difference
    if d.lower < -rules.margin - ROUNDING:
        told = f"{d.metric} may have fallen by more than the margin: candidate − {by} is {d.mean:+.4f}"
        interval = f"{rules.confidence:.0%} interval {d.lower:+.4f} to {d.upper:+.4f}"
        least = f"the lower bound must be at least {-rules.margin:+.4f}"
        found.reasons.append(f"{told} on {d.questions} questions, {interval}; {least}.")


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(sorted(names)[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED} more"
