"""Opens the index of a flow for one act of a person, with its records in the log of the run."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

from prefect import get_run_logger

import ingest
from ingest.errors import UnknownRelease
from ingest.index import Index
from ingest.lake.lake import Lake
from ingest.release.generation_states import LOOK_BACK, generation_states, sealed_manifest
from ingest.settings import Settings, load_settings
from ingest.wiring.service_opening import open_lake_store
from ingest_flows.parameters import EvaluateParameters, NightlyParameters, PromoteParameters, RollbackParameters, Target
from ingest_flows.report import LoggingObserver

# Time limit of a flow that a person waits for, in seconds; restoring a collection from the lake takes longest.
PERSON_SECONDS = 4 * 3600
NAMED = 5  # newest ones that a person can choose, where what was chosen is none


@contextmanager
def opened(parameters: Target) -> Iterator[tuple[Index, LoggingObserver]]:
    """Yield the index, and what logs its records. Raises: UnknownRelease, before any engine is opened."""
    observer, settings = LoggingObserver(get_run_logger()), settings_of(parameters)
    check_chosen(settings, parameters)
    with ingest.open(settings, parameters.index, observer=observer) as index:
        yield index, observer


def settings_of(parameters: Target) -> Settings:
    """Return the settings, with the budget of this run if it has its own. Raises: InvalidSettings."""
    settings = load_settings(parameters.settings)
    budget = parameters.max_gpu_minutes if isinstance(parameters, NightlyParameters) else None
    if budget is None:
        return settings
    name, index = settings.index(parameters.index)
    changed = {**settings.indexes, name: index.model_copy(update={"max_gpu_minutes": budget})}
    return settings.model_copy(update={"indexes": changed})


def check_chosen(settings: Settings, parameters: Target) -> None:
    """Refuse a generation or release that nobody can choose, by the lake alone: that takes seconds.

    Raises: UnknownRelease, which names the newest that can be.
    """
    name, _ = settings.index(parameters.index)
    match parameters:
        case EvaluateParameters(generation=str(chosen)) | PromoteParameters(generation=str(chosen)):
            lake = Lake(open_lake_store(settings), name)
            manifest, damaged = sealed_manifest(lake, chosen)
            if lake.is_retired(chosen) or (manifest is None and not damaged):
                raise UnknownRelease(f"index {name}: no sealed generation {chosen}; {_generations(lake)}")
        case RollbackParameters(to=int(number)):
            lake = Lake(open_lake_store(settings), name)
            release = lake.releases.get(number)
            if release is None or lake.is_retired(release.generation):
                raise UnknownRelease(f"index {name}: release {number} cannot be brought back; {_releases(lake)}")


def _generations(lake: Lake) -> str:
    states = (one for one in generation_states(lake, LOOK_BACK) if one.digest is not None and one.state != "retired")
    return _newest(f"{one.id} ({one.state})" for one in states)


def _releases(lake: Lake) -> str:
    made = (release for _, release in lake.releases.newest_first(LOOK_BACK))
    kept = (one for one in made if not lake.is_retired(one.generation))
    return _newest(f"{one.number} ({one.action}, generation {one.generation}, {one.at[:16]})" for one in kept)


def _newest(told: Iterator[str]) -> str:
    return f"the newest are {', '.join(found)}" if (found := [*islice(told, NAMED)]) else "there is none yet"
