"""Slices: questions that share a property. A small one can be lost while the mean over all questions hardly moves."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from ingest.lake.rows import DocumentRow
from ingest.quality import metrics as scores
from ingest.quality.judged_sets import named
from ingest.records import GateRules, Question, SliceScore, Verdict

MOST = 200  # slices that are judged, the largest ones

Slice = tuple[str, str]  # name and value


def slices_of(question: Question, documents: Iterable[DocumentRow]) -> list[Slice]:
    """Return a question's slices: its asker's, its gold documents', and those its judged set names, which win."""
    known = {("asker", named(question.asker))}
    for row in documents:
        language = row.text_language or row.language or "unknown"
        known |= {("source", row.source), ("media_type", row.media_type), ("language", language)}
        known.update(("acl", group) for group in row.acl)
    own = [(name, value) for name, value in known if name not in question.slices]
    return sorted([*own, *question.slices.items()])


@dataclass(frozen=True)
class _Family:
    """All slices that are compared at once, so that the more there are, the less likely chance is to fell one."""

    differences: dict[str, scores.Differences]  # by metric
    tests: int
    rules: GateRules

    def decides(self, count: int, of: int) -> bool:
        """Return whether a slice of so many questions could fall: losing all of it is rarer than errors may be."""
        return self.rules.slices.min_questions <= count < of and self.tests / math.comb(of, count) <= self.error

    @property
    def error(self) -> float:
        """The probability of an error that is accepted: that of the lower bound of the gate's interval."""
        return (1 - self.rules.confidence) / 2

    def fallen(self, members: Mapping[Slice, Sequence[str]]) -> dict[Slice, list[str]]:
        """Return the slices that fell, with a reason for each metric.

        One falls if its mean, with and without its worst question, is below minus the slices' margin, and chance rarely
        does as badly: the share of slices refused by mistake stays below `error` (Benjamini & Hochberg 1995).
        """
        suspects, least = {}, -self.rules.slices.margin - scores.ROUNDING
        for metric, all_ in self.differences.items():
            for slice_, ids in members.items():
                own = [all_[q] for q in ids if q in all_]
                # The mean without the worst question is never below that with it.
                if self.decides(len(own), len(all_)) and fmean(sorted(own)[1:] or own) < least:
                    inside = set(ids)
                    rest = [d for q, d in all_.items() if q not in inside]
                    resamples = max(scores.RESAMPLES, math.ceil(10 * self.tests / self.error))
                    suspects[metric, slice_] = own, rest, scores.lower_than_rest(own, rest, resamples)
        if not suspects:
            return {}
        from scipy.stats import false_discovery_control

        chances = [found[2] for found in suspects.values()]
        others = max(self.tests - len(chances), 0)  # cannot fall, so that their chance is 1
        corrected = false_discovery_control([*chances, *[1.0] * others], method="bh")
        told = defaultdict(list)
        for ((metric, slice_), (own, rest, _)), chance in zip(suspects.items(), corrected.tolist(), strict=False):
            if chance <= self.error:
                told[slice_].append(
                    f"Slice {'='.join(slice_)} fell: {metric} is {fmean(own):+.4f} on {len(own)} questions, "
                    f"{fmean(rest):+.4f} on the others; at least {-self.rules.slices.margin:+.4f} is expected, and "
                    f"chance does this with p = {chance:.4f}, corrected for {self.tests} comparisons."
                )
        return told


def judge_slices(
    live: scores.Scores, against: scores.Scores | None, rules: GateRules, slices: Mapping[str, Sequence[Slice]]
) -> tuple[list[SliceScore], list[str]]:
    """Return the slices by name and value, and what speaks against the candidate.

    A slice must reach its floors and must not fall (`_Family.fallen`). One that is too small to fall is listed as such;
    it still has to reach a floor of its own, "name=value". One that holds all questions is judged with them.
    """
    members = _members(live, slices)
    differences = scores.paired(live, against, rules.metric) if against is not None else {}
    family = _Family(differences, _tests(differences, members, rules), rules)
    fallen = family.fallen(members)
    known = {"*", *(name for name, _ in members), *map("=".join, members)}
    unknown = sorted(rules.slices.floors.keys() - known)
    reasons = [f"Slice {key} has a floor, but no judged question belongs to it." for key in unknown]
    judged = []
    for slice_, ids in members.items():
        rows = {q: live[q] for q in ids}
        below = scores.below_floors(rows, _floors(slice_, len(ids), rules), f"Slice {'='.join(slice_)}: ")
        reasons += [*fallen.get(slice_, ()), *below]
        own = {metric: [d[q] for q in ids if q in d] for metric, d in differences.items()}
        decides = any(family.decides(len(own[metric]), len(differences[metric])) for metric in own)
        # Intervals that hold for all slices together (Bonferroni).
        level = 1 - (1 - rules.confidence) / family.tests if decides else 0.0
        theirs = scores.mean_scores({q: (against or {}).get(q, {}) for q in ids})
        means = {"candidate_scores": scores.mean_scores(rows), "serving_scores": theirs}
        found = tuple(scores.paired_difference(m, d, level) for m, d in own.items() if d and decides)
        state = "fell" if below or slice_ in fallen else _state(len(ids), len(live), decides, against, rules)
        told = {"name": slice_[0], "value": slice_[1], "questions": len(ids), "state": state}
        judged.append(SliceScore(**told, **means, differences=found))
    return judged, reasons


def fallen_sources(verdict: Verdict | None) -> dict[str, str]:
    """Return the sources whose slices fell, each with why."""
    fallen = (s for s in (verdict.slices if verdict is not None else ()) if (s.name, s.state) == ("source", "fell"))
    return {s.value: f"its {s.questions} judged questions fell at the gate" for s in fallen}


def _members(live: scores.Scores, slices: Mapping[str, Sequence[Slice]]) -> dict[Slice, list[str]]:
    """Return the live questions of each slice, of at most MOST; one that only stale questions belong to has none."""
    members: defaultdict[Slice, list[str]] = defaultdict(list)
    for query_id in sorted(slices):
        for slice_ in slices[query_id]:
            members[slice_].extend([query_id] if query_id in live else [])
    largest = sorted(members, key=lambda slice_: (-len(members[slice_]), slice_))[:MOST]
    return {slice_: members[slice_] for slice_ in sorted(largest)}


def _tests(differences: dict[str, scores.Differences], members: Mapping[Slice, Sequence[str]], rules: GateRules) -> int:
    """Return how many comparisons there are: slices with the same questions are one."""
    groups = {(m, frozenset(q for q in ids if q in d)) for m, d in differences.items() for ids in members.values()}
    return sum(rules.slices.min_questions <= len(ids) < len(differences[metric]) for metric, ids in groups)


def _floors(slice_: Slice, count: int, rules: GateRules) -> dict[str, float]:
    """Return a slice's floors by metric; the more exactly one names the slice, the more it counts."""
    floors = rules.slices.floors
    shared = floors.get("*", {}) | floors.get(slice_[0], {}) if count >= rules.slices.min_questions else {}
    return shared | floors.get("=".join(slice_), {})


def _state(count: int, of: int, decides: bool, against: scores.Scores | None, rules: GateRules) -> str:
    if count == of:
        return "all questions"
    if count < rules.slices.min_questions or (against is not None and not decides):
        return "too small"
    return "held" if decides else "not compared"
