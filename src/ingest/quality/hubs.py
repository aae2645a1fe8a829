"""Hubs: chunks and documents among the first results of questions that are answered elsewhere, by accident or not.

They are counted from the answers that the gate gets anyway. Where these are few, known-item questions join them: title
and heading of a chunk that was found, whose answer is in its document.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from heapq import nsmallest

from ingest.records import Gold, Question, Result

FIRST = 10  # results that count, in an index of a thousand chunks or documents; of fewer, one in a hundred
EXAMPLES = 3
LEAST, ENOUGH = 10, 200  # questions without which nothing is a hub; judged ones that need no known-item ones
DOCUMENT, WORSE = 2.5, 1.5  # a document's limit in chunks' limits; so many times the serving release's worst is told

Hub = tuple[str, str, list[str]]  # where it is, for people; path; ids of the questions


class Crowd:
    """Counts the hubs of one generation, question by question. It takes about as much memory as their scores."""

    def __init__(self, counts: dict[str, int]) -> None:
        self.firsts = {kind: min(FIRST, max(1, counts.get(f"{kind}s", 0) // 100)) for kind in ("chunk", "document")}
        self.questions, self.own = 0, Counter[str]()  # all, and by path those that a document answers
        self.found = dict[tuple[str, str], Hub]()  # by kind and id
        self.items = dict[str, Question]()  # known-item questions, by document

    def add_all(self, answers: Iterable[tuple[Question, Sequence[Result]]]) -> None:
        """Count the results of questions, best first."""
        for question, results in answers:
            gold = {place.doc for place in question.gold if place.grade}
            self.questions += 1
            self.own.update(gold)
            for kind, first in self.firsts.items():
                for id_, r in {getattr(r, f"{kind}_id"): r for r in results[:first] if r.path not in gold}.items():
                    where = f"{r.uri} characters {r.start} to {r.end}" if kind == "chunk" else r.uri
                    self.found.setdefault((kind, id_), (where, r.path, []))[2].append(question.query_id)
            for r in results[FIRST::FIRST] if len(self.items) < ENOUGH else ():
                if text := " ".join(dict.fromkeys((r.title, *r.heading_path[-1:]))).strip():
                    place = (Gold(r.path, source=r.source),)
                    self.items[r.document_id] = Question(f"known {r.path}", text, gold=place, asker=question.asker)

    def known_items(self) -> list[Question]:
        """Return known-item questions that make up for the judged ones that are lacking."""
        return list(self.items.values())[: max(ENOUGH - self.questions, 0)]

    def worst(self, kind: str) -> list[tuple[float, int, Hub]]:
        """Return the hubs in the largest shares of the questions answered elsewhere: share, number of those, hub."""
        some = ((self.questions - self.own[hub[1]], hub) for (of, _), hub in self.found.items() if of == kind)
        shares = ((len(hub[2]) / others, others, hub) for others, hub in some)
        return nsmallest(EXAMPLES, shares, key=lambda found: (-found[0], found[2][0]))


def hubs_told(crowd: Crowd, before: Crowd | None, most: float) -> tuple[list[str], list[str]]:
    """Return what speaks against a candidate, and warnings: hubs surely in more than a share `most` of such questions.

    Surely: by Wilson's 95 % interval. One no worse than what serves, or surely `WORSE` times as bad, is only a warning.
    """
    from scipy.stats import binomtest

    reasons, warnings = list[str](), list[str]()
    for kind, first in crowd.firsts.items():
        limit = most if kind == "chunk" else min(DOCUMENT * most, 1.0)
        worst = max((share for share, _, _ in before.worst(kind)), default=0.0) if before else limit
        than = f"; the worst of the serving release for {worst:.1%}" if before else ""
        for share, others, (where, _, ids) in crowd.worst(kind):
            lower = binomtest(len(ids), others).proportion_ci(0.95, method="wilson").low
            if len(ids) >= LEAST and lower > min(limit, max(WORSE * worst, limit / 5)):
                told = f"{kind.capitalize()} {where} is among the first {first} for {len(ids)} of {others} questions"
                told += f" ({share:.1%}) whose answer is elsewhere, such as {', '.join(ids[:EXAMPLES])}{than}"
                notes = reasons if lower > limit and not (before and share <= worst) else warnings
                notes.append(f"{told}; at most {limit:.1%} may be.")
    return reasons, warnings
