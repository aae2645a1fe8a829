"""Whether an index shows documents to people who may not see them: every judged question is asked by one of them."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from ingest.quality.anchors import Anchored
from ingest.quality.askers import asked, forbidden_askers, forbidden_to, may_see, named
from ingest.quality.metrics import DEPTH
from ingest.records import Asker, Result
from ingest.search import Searcher

NAMED = 10  # questions named one by one


def find_leaks(searcher: Searcher, judged: Anchored, known: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Ask every question once as somebody who may not see its gold documents; return who got what, one sentence each.

    `known`: tenants and groups of the generation. Only the two searches are run: every later stage has its results from
    them. Among what they find, the documents of all judged questions are recognised; nobody must find anything.
    """
    askers = forbidden_askers(known)
    if not askers:
        return ()
    questions = [replace(q, asker=forbidden_to(q, judged.held[q.query_id], askers)) for q in judged.live]
    documents = {row.document_id: row for rows in judged.held.values() for row in rows}

    def leaks(asker: Asker, result: Result) -> bool:
        row = documents.get(result.document_id)
        return asker == askers[-1] if row is None else not may_see(asker, row)

    told = {}
    search = partial(searcher.search, top=DEPTH, stages=("bm25", "dense"))
    for batch in asked(searcher.retrieval.observer, "evaluate", questions, search):
        for question, answer in batch:
            shown = {r.path for ranked in answer.stages.values() for r in ranked if leaks(question.asker, r)}
            if shown:
                more = f" and {len(shown) - 1} more documents" if len(shown) > 1 else ""
                told[question.query_id] = f"{min(shown)}{more}, asked as {named(question.asker)}, who may not see that"
    reasons = [f"Question {query_id} leaks: it shows {told[query_id]}." for query_id in sorted(told)]
    left = len(reasons) - NAMED
    return (*reasons[:NAMED], *([f"{left} more questions leak."] if left > 0 else []))
