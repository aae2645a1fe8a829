"""What evaluation would find wrong after hours of building, found before anything is spent: all of it at once."""

from collections.abc import Callable

from ingest.errors import IngestError, InvalidSettings
from ingest.lake.model_files import read_learned
from ingest.phrases import meant
from ingest.ports import Reranker, Store
from ingest.quality.evaluate import WORDLESS, read_questions
from ingest.quality.metrics import METRICS
from ingest.records import BuildOptions
from ingest.search.confidence import read_calibration
from ingest.search.searcher import RERANKED, STAGES
from ingest.services import OpenReranker


def check_asking(options: BuildOptions, open_reranker: OpenReranker, store: Store) -> None:
    """Check judged sets, re-ranker, calibration, metrics. Raises: what is wrong; InvalidSettings for several faults."""
    faults = list[IngestError]()
    profile, opened = options.profile, list[Reranker | None]()
    fitted = profile.calibration
    acts: list[Callable[[], object]] = [
        lambda: read_questions(options.judged),
        lambda: opened.append(open_reranker(profile, WORDLESS)),
        lambda: read_calibration(fitted, read_learned(store, fitted)) if fitted else None,
    ]
    for act in acts:
        try:
            act()
        except IngestError as error:
            faults.append(error)
    stages = (*STAGES, RERANKED) if opened[-1:] != [None] else STAGES
    known = [f"{stage}.{metric}" for stage in stages for metric in METRICS]
    rules = options.gate
    named = {"metric": rules.metric, "must_pass_metric": rules.must_pass_metric}
    named |= {f"floors.{name}": name for name in rules.floors}
    for key, name in named.items():
        if name not in known:
            near = meant(name, known) or f"; there are {', '.join(METRICS)}, each as <stage>.<metric>"
            told = f"gate.{key}: nothing is measured as {name!r} under this query profile{near}"
            faults.append(InvalidSettings(told))
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise InvalidSettings(f"{len(faults)} faults: {'; '.join(map(str, faults))}")
