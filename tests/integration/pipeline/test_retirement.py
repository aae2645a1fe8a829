"""What nobody needs any more goes, a soak after it was marked; what anybody can reach stays, whatever is killed."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.errors import DamagedFile, InvalidSettings, LeaseHeld, LeaseLost, SchemaMismatch, UnknownRelease
from ingest.ids import collection_name
from ingest.index import Index
from ingest.lake.lake import Lake
from ingest.lake.stored_records import checked_bytes, name_of
from ingest.pipeline.changes import Listing
from ingest.pipeline.collections import releases_of, sealed
from ingest.pipeline.plan import make_plan
from ingest.pipeline.promotion import Promotion
from ingest.pipeline.retirement import Retirement, Sweep, retire
from ingest.pipeline.scope import Scope
from ingest.records import DocumentRef, LakeIdentity, Lease, QueryProfile, Retired, RetireOptions, SegmentEntry
from ingest.release import Candidate, Releases
from ingest.release.generation_states import generation_states, waiting_candidate
from tests.fakes import CuttingAliases, InMemoryStore, Killed
from tests.pipelines import CountingSource, Project, document, project
from tests.vector_indexes import in_memory_index

DOCUMENTS = 4
KEEP_ALL = RetireOptions(keep=0)
KEEP_TWO = {"retire": RetireOptions(keep=2, minimum_age_hours=1, soak_hours=12)}
PROFILE = name_of(QueryProfile())
GROWS = re.compile(r"/(history|releases|leases|index)/|/generations/\d+\.json|/retired\.json")  # a line a night


class Cut:
    """Lets some changes happen and kills the caller at the next one; None: all may happen."""

    def __init__(self) -> None:
        self.left: int | None = None

    def __call__(self) -> None:
        if self.left == 0:
            raise Killed("before a change")
        self.left = None if self.left is None else self.left - 1


class CuttingStore(InMemoryStore):
    """A store that may kill whoever changes it."""

    def __init__(self, cut: Callable[[], None]) -> None:
        super().__init__()
        self.cut = cut
        self.before: Callable[[str], object] = lambda key: None  # a record is created

    def create(self, key: str, data: bytes) -> bool:
        self.cut()
        self.before(key)
        return super().create(key, data)

    def delete(self, key: str) -> None:
        self.cut()
        super().delete(key)


class CuttingCollections(CuttingAliases):
    """Collections by name only, that may kill whoever drops one."""

    cut: Callable[[], None]

    def drop_collection(self, collection: str) -> None:
        self.cut()
        super().drop_collection(collection)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Generations 1 to 3 were released night by night; 4 and then 5 were built on 3 and wait. Each has new texts."""
    p = at_night(project(tmp_path_factory.mktemp("built"), DOCUMENTS, documents_per_shard=2, retire=KEEP_ALL))
    for night in range(1, 6):
        rewrite(p, night)
        p.run(decide=lambda verdict: verdict.candidate < "0004")
        p.later(days=1)
    return p


@pytest.fixture
def p(built: Project, cut: Cut) -> Project:
    """A copy of what was built, in which two released generations are kept; collections are only names."""
    store, vectors = CuttingStore(cut), CuttingCollections(built.vectors.collections(), built.vectors.aliases())
    store.values, store.written, vectors.cut = {**built.store.values}, {**built.store.written}, cut
    vectors.owners = {name: built.vectors.lake_of(name) for name in vectors.existing}
    return at_night(replace(built, store=store, vectors=vectors, options=built.options.model_copy(update=KEEP_TWO)))


@pytest.fixture
def cut() -> Cut:
    return Cut()


def at_night(p: Project) -> Project:
    """Let the store have the project's clock."""

    def now() -> float:
        return p.now.timestamp()

    p.store.clock = now
    return p


def rewrite(p: Project, edition: int) -> None:
    for n in range(DOCUMENTS):
        p.source.write(f"d{n:02d}.md", document(n, edition=edition))


def keeping(keep: int, age: float = 1, soak: float = 12) -> dict[str, RetireOptions]:
    return {"retire": RetireOptions(keep=keep, minimum_age_hours=age, soak_hours=soak)}


def releases(p: Project) -> Releases:
    """Return the releases of an index that restores no collection, for there are no points."""
    services = p.services()
    made = releases_of(services.retrieval, services.bench.options, services.writer)
    return replace(made, restore=partial(sealed, p.lake))


def promote(p: Project, number: int) -> None:
    manifest = p.manifest(id_of(p, number))
    releases(p).promote(Candidate(manifest.generation, manifest.collection, PROFILE, None, manifest.base), "better")


def sweep(p: Project, confirm: Callable[[], None] | None = lambda: None) -> Retirement:
    return Sweep(p.retrieval(), p.options, releases(p), confirm).run()


def soaked(p: Project, times: int = 2) -> list[Retirement]:
    """Retire so often, a day apart."""
    found = []
    for _ in range(times):
        found.append(sweep(p))
        p.later(days=1)
    return found


def states(p: Project) -> dict[str, str]:
    """Return the states of all generations by number, newest first."""
    return {state.id[:4]: state.state for state in generation_states(p.lake, 100)}


def id_of(p: Project, number: int) -> str:
    claim = p.lake.claims.get(number)
    assert claim is not None
    return claim.id


def values(p: Project) -> dict[str, bytes]:
    assert isinstance(p.store, InMemoryStore)
    return p.store.values


def size(stored: dict[str, bytes]) -> int:
    return sum(map(len, stored.values()))


def lost(p: Project) -> list[str]:
    """Return what the manifests, plans and markers of all indexes name and the lake lacks; slices are joined."""
    stored, missing = values(p), list[str]()
    segments = {Path(key).stem for key in stored if "/segments/" in key}
    for key in stored:
        if (found := re.fullmatch(r"([^/]+)/generations/[^/]+/(manifest|plan/\d.*|markers/.*)\.json", key)) is None:
            continue
        record = json.loads(stored[key])
        parts = [q for q in (*record.get("parts", ()), *record.get("base_parts", ())) if not q.get("folder")]
        missing += [f"{key}: {q['kind']}" for q in parts if f"{found[1]}/data/{q['sha256']}.parquet" not in stored]
        named = record.get("segments", record.get("base_segments", []))
        every = named if isinstance(named, list) else [name for some in named.values() for name in some]
        missing += [f"{key}: segment {name}" for name in every if name not in segments]
    return missing


def test_what_is_no_longer_kept_is_marked_first_and_goes_after_the_soak(p: Project) -> None:
    first = p.manifest(id_of(p, 1))
    assert sweep(p).marked == [first.generation]
    assert states(p) == {"0005": "sealed", "0004": "sealed", "0003": "serving", "0002": "kept", "0001": "retired"}
    assert (first.collection in p.vectors.collections(), lost(p)) == (True, [])
    p.later(days=1)
    found = sweep(p)
    assert (found.removed, found.collections) == ([first.generation], [first.collection])
    assert first.collection not in p.vectors.collections()
    folder = f"docs/generations/{first.generation}/"
    assert [key for key in values(p) if key.startswith(folder)] == [f"{folder}retired.json"]
    assert found.files["data"] > 0
    assert lost(p) == []


def test_nothing_goes_before_it_has_soaked_however_often_it_is_asked(p: Project) -> None:
    sweep(p)
    before = {**values(p)}
    p.later(hours=11)
    assert [(found.removed, found.files) for found in (sweep(p), sweep(p))] == [([], {})] * 2
    assert values(p) == before


def test_what_is_gone_is_not_looked_for_again(p: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    promote(p, 5)
    soaked(p, 3)
    gone = [f"docs/generations/{id_of(p, number)}/manifest.json" for number in (1, 2, 4)]
    asked, get = list[str](), p.store.get

    def told(key: str) -> bytes | None:
        asked.append(key)
        return get(key)

    monkeypatch.setattr(p.store, "get", told)
    assert sweep(p) == Retirement()
    assert [key for key in asked if key in gone] == []


def test_a_dry_run_tells_what_would_go_and_changes_nothing(p: Project) -> None:
    soaked(p, 1)
    p.change(**keeping(1))
    before, collections = {**values(p)}, p.vectors.collections()
    told = sweep(p, None)
    assert (values(p), p.vectors.collections()) == (before, collections)
    assert sweep(p) == told
    written = sum(len(data) for key, data in values(p).items() if key not in before)
    assert sum(told.bytes.values()) == size(before) + written - size(values(p)) > 0


def test_a_verdict_goes_with_the_generation_that_it_judges(p: Project) -> None:
    key = f"docs/verdicts/{p.lake.releases.get(1).verdict}.json"
    assert key in values(p)
    soaked(p)
    assert key not in values(p)
    assert f"docs/verdicts/{p.lake.releases.get(2).verdict}.json" in values(p)


def test_a_plot_goes_with_its_verdict_also_where_it_was_left_behind_and_that_of_the_history_stays(p: Project) -> None:
    gone, kept = (p.lake.releases.get(number).verdict for number in (1, 2))
    for name in (gone, kept, "0" * 64, "history"):  # that of zeros has no verdict
        p.store.put(f"docs/plots/{name}.svg", b"<svg/>")
    assert f"docs/plots/{gone}.svg" in values(p)
    found = soaked(p)
    left = [key for key in values(p) if key.startswith("docs/plots/")]
    assert sorted([f"docs/plots/{kept}.svg", "docs/plots/history.svg"]) == sorted(left)
    assert 2 == sum(one.files["plots"] for one in found)


def test_a_plot_of_a_verdict_that_is_damaged_stays(p: Project) -> None:
    name = p.lake.releases.get(1).verdict
    p.store.put(f"docs/plots/{name}.svg", b"<svg/>")
    p.store.put(f"docs/verdicts/{name}.json", b"{")
    assert any(one.removed for one in soaked(p))
    assert f"docs/plots/{name}.svg" in values(p)


def test_nothing_is_marked_that_the_settings_keep(p: Project) -> None:
    p.change(**keeping(7))
    assert sweep(p).marked == []
    p.change(**keeping(1, age=1000))
    assert sweep(p).marked == []


def test_who_keeps_all_is_told_so(p: Project) -> None:
    p.change(**keeping(0))
    with pytest.raises(InvalidSettings, match="every generation is kept"):
        retire(p.services(), releases(p), dry_run=True)


def test_a_retired_generation_is_refused_by_all_that_could_serve_it(p: Project) -> None:
    sweep(p)
    services, first = p.services(), id_of(p, 1)
    before = p.lake.releases.last(), p.vectors.aliases()
    with pytest.raises(UnknownRelease, match="is retired"):
        Promotion(services.retrieval, p.options, releases(p)).roll_back(1, "prices")
    with pytest.raises(UnknownRelease, match="is retired"):
        Promotion(services.retrieval, p.options, releases(p)).promote(first, "back", lift_hold=False)
    real = releases_of(services.retrieval, p.options, services.writer)
    with pytest.raises(UnknownRelease, match="is retired"):
        real.restore(first)
    assert real.is_retired(first)
    assert (p.lake.releases.last(), p.vectors.aliases()) == before


def test_a_run_does_not_go_on_with_what_is_retired_nor_does_it_wait(p: Project) -> None:
    for number, waits, built in ((5, 5, "0005"), (4, 4, "0006")):
        services = p.services()
        with Listing() as listing:
            work = make_plan(services, Scope(), "run", listing)
        assert (waiting_candidate(p.lake, p.options.profile), work.summary.generation[:4]) == (id_of(p, waits), built)
        mark = Retired(who="ann", at="2026-01-01", token="t")
        p.lake.records.create(f"docs/generations/{id_of(p, number)}/retired.json", mark)
    assert waiting_candidate(p.lake, p.options.profile) is None


def test_the_target_of_the_next_rollback_stays(p: Project) -> None:
    p.change(**keeping(1, soak=0))
    soaked(p, 3)
    assert releases(p).rollback(None, "prices").generation == id_of(p, 2)
    assert sweep(p).marked == [id_of(p, 4), id_of(p, 5)]  # they were built on what serves no more; 3 comes back


def test_what_is_pinned_stays_until_a_person_lifts_that(p: Project) -> None:
    first = id_of(p, 1)
    services = p.services()
    assert Index(None, services).pin(first, why="the audit of May").about == {"generation": (first,)}
    assert [(found.marked, found.removed) for found in soaked(p)] == [([], [])] * 2
    assert states(p)["0001"] == "kept"
    Index(None, services).pin(first, why="audited", lift=True)
    assert [found.removed for found in soaked(p)] == [[], [first]]
    with pytest.raises(UnknownRelease, match="is retired"):
        Index(None, services).pin(first, why="again")
    with pytest.raises(UnknownRelease, match="is not pinned; pinned are: none"):
        Index(None, services).pin(first, why="again", lift=True)


def test_what_was_marked_and_is_pinned_before_it_goes_comes_back(p: Project) -> None:
    def pinned(key: str) -> None:
        if key.endswith("retired.json"):
            p.store.before = lambda key: None
            Index(None, p.services()).pin(id_of(p, 1), why="at another machine")

    p.store.before = pinned
    assert sweep(p).marked == []
    assert states(p)["0001"] == "kept"


def test_nothing_goes_while_a_decision_is_missing_for_it_may_be_a_pin(p: Project) -> None:
    for number in (1, 2):
        Index(None, p.services()).pin(id_of(p, number), why="why")
    del values(p)["docs/decisions/1.json"]
    before = {**values(p)}
    with pytest.raises(SchemaMismatch, match=r"1\.json is missing, though later ones are there"):
        sweep(p)
    assert values(p) == before


def test_what_waits_stays_until_another_is_promoted(p: Project) -> None:
    p.later(days=40)
    assert soaked(p)[0].marked == [id_of(p, 1)]
    assert waiting_candidate(p.lake, p.options.profile) == id_of(p, 5)
    promote(p, 5)
    assert sweep(p).marked == [id_of(p, 2), id_of(p, 4)]
    assert states(p) == {
        "0005": "serving",
        "0004": "retired",
        "0003": "kept",
        "0002": "retired",
        "0001": "retired",
    }
    assert waiting_candidate(p.lake, p.options.profile) is None


def test_a_mark_on_what_was_brought_back_meanwhile_is_taken_away(p: Project) -> None:
    def brought_back(key: str) -> None:
        if key.endswith("retired.json") and p.lake.releases.last() == 3:
            releases(p).rollback(1, "a person at another machine")

    p.store.before = brought_back
    assert sweep(p).marked == []
    assert states(p)["0001"] == "serving"
    p.later(days=1)
    assert (sweep(p).removed, lost(p)) == ([], [])


def test_what_is_to_be_kept_again_comes_back_before_it_has_gone(p: Project) -> None:
    sweep(p)
    p.later(days=1)
    p.change(**keeping(3))
    assert sweep(p).removed == []
    assert states(p)["0001"] == "kept"


def test_a_call_that_lost_its_lease_changes_nothing(p: Project) -> None:
    before = {**values(p)}

    def lost_it() -> None:
        raise LeaseLost("to another builder")

    with pytest.raises(LeaseLost):
        sweep(p, lost_it)
    assert values(p) == before


def test_a_damaged_record_keeps_every_file(p: Project) -> None:
    key = next(key for key in values(p) if id_of(p, 2) in key and key.endswith("manifest.json"))
    values(p)[key] = values(p)[key].replace(b'"parts":', b'"PARTS":')
    before = {key for key in values(p) if key.endswith(".parquet")}
    with pytest.raises(DamagedFile, match="its bytes are damaged"):
        sweep(p)
    assert {key for key in values(p) if key.endswith(".parquet")} == before


def test_nothing_is_retired_while_what_serves_has_lost_its_manifest(p: Project) -> None:
    del values(p)[f"docs/generations/{id_of(p, 3)}/manifest.json"]
    before = {**values(p)}
    with pytest.raises(DamagedFile, match="is missing"):
        sweep(p)
    assert values(p) == before


def test_a_collection_of_another_lake_or_behind_an_alias_is_not_dropped(p: Project) -> None:
    first, second = (p.manifest(id_of(p, n)).collection for n in (1, 2))
    p.vectors.give(first, LakeIdentity(id="theirs", uri="memory://theirs"))
    p.vectors.names["mine"] = second
    promote(p, 5)
    p.change(**keeping(1))
    found = soaked(p)[1]
    assert (found.removed, found.collections) == ([id_of(p, 1), id_of(p, 4)], [p_collection(p, 4)])
    assert {first, second} <= {*p.vectors.collections()}


def p_collection(p: Project, number: int) -> str:
    identity = p.lake.known_identity()
    assert identity is not None
    return collection_name("docs", id_of(p, number), identity.id)


def having(p: Project, name: str) -> set[str]:
    """Return the generations that have a record."""
    return {key.split("/")[2] for key in values(p) if key.endswith(f"/{name}")}


def test_a_killed_call_takes_nothing_that_can_be_reached_and_the_next_one_goes_on(p: Project, cut: Cut) -> None:
    promote(p, 5)
    kills, before, stays = 0, size(values(p)), {p_collection(p, 3), p_collection(p, 5)}
    for _ in range(3):  # marks; removal; segments
        is_whole = False
        while not is_whole:
            cut.left = 1  # the call dies before its second change
            with suppress(Killed):
                sweep(p)
                is_whole = True
            kills += not is_whole
            assert lost(p) == []
            assert stays <= {*p.vectors.collections()}
            assert having(p, "manifest.json") <= having(p, "plan/summary.json")  # a mark on it may be taken away
        cut.left = None
        p.later(days=1)
    assert kills > 60
    assert {*p.vectors.collections()} == stays
    assert (sweep(p).files, size(values(p)) < 0.8 * before) == ({}, True)


def test_segments_go_in_two_calls_and_none_while_another_index_is_built(p: Project) -> None:
    promote(p, 5)
    p.change(**keeping(1, soak=0))
    soaked(p, 1)  # marks
    Lake(p.store, "other").leases.append(1, Lease(holder="somebody", term_seconds=60.0, run="r"))
    found = sweep(p)
    assert (len(found.removed), found.waits, found.segments) == (3, "index other is being built", 0)
    p.later(days=2)  # it wrote no lease for so long: it is dead
    found = sweep(p)
    assert (found.waits, found.segments > 0, found.files["segments"]) == ("", True, 0)
    assert sweep(p).files["segments"] == found.segments
    assert lost(p) == []


# Whole runs


class DyingIndex(QdrantIndex):
    """An index that kills whoever creates another collection, if it is told to."""

    dies = False

    def create_collection(self, collection: str, *how: Any) -> None:
        if self.dies and collection not in self.collections():
            raise Killed("before the collection is there")
        super().create_collection(collection, *how)


def test_what_a_killed_run_had_done_stays_for_the_next_one(tmp_path: Path) -> None:
    p = at_night(project(tmp_path, DOCUMENTS, documents_per_shard=2, **keeping(1)))
    p.vectors = in_memory_index(DyingIndex)
    p.run()
    rewrite(p, 2)
    p.vectors.dies = True
    with pytest.raises(Killed):
        p.run()
    p.vectors.dies = False
    p.later(days=9)
    soaked(p)
    report = p.run()
    assert (report.resumed, report.decision, p.gets()) == (True, "promoted", {})
    assert p.embedder.forward_passes == 1  # the probe question


def test_a_person_cannot_retire_while_a_run_is_at_work(tmp_path: Path) -> None:
    p = at_night(project(tmp_path, 1, lease_seconds=0.03, **keeping(1)))
    p.monotonic = lambda: 0.0
    refused = []

    def asked(ref: DocumentRef) -> None:
        with pytest.raises(LeaseHeld) as error:
            retire(p.services(), releases(p), dry_run=False)
        refused.append(str(error.value))

    p.source.before_read = asked
    p.run()
    assert len(refused) == 1


def test_thirty_nights_leave_no_more_than_twenty(tmp_path: Path) -> None:
    p = at_night(project(tmp_path, 3, documents_per_shard=4, **keeping(2)))
    sizes, collections = list[int](), list[int]()
    for night in range(1, 31):
        p.source.write(f"d{night % 3:02d}.md", document(night % 3, edition=night))
        p.run()
        p.later(days=1)
        sizes.append(sum(len(data) for key, data in values(p).items() if GROWS.search(key) is None))
        collections.append(len(p.vectors.collections()))
    assert max(collections) <= 4  # two are kept, one is marked, one was built tonight
    assert max(sizes[20:]) < 1.02 * max(sizes[:20])  # segments were merged before and after
    assert (lost(p), p.check().faults) == ([], ())


def test_vectors_that_were_made_again_stay(tmp_path: Path) -> None:
    p = at_night(project(tmp_path, 1, documents_per_shard=4, **keeping(1, soak=0)))
    p.run()
    (segment,) = (key for key in values(p) if "/segments/" in key)
    del values(p)[segment]
    assert "promoted" == p.run().decision
    p.later(days=9)
    soaked(p, 3)
    assert (p.run().healed, p.check().faults) == ((), ())


def test_a_segment_that_holds_what_was_merged_stays_though_nothing_names_it(p: Project) -> None:
    store = p.lake.embeddings(p.embedder.record.fingerprint)
    before = {entry.segment for entry in store.index.live} if store.index.refresh() else set()
    keys = [key for segment in before for key in store._read_keys(segment)]
    names = list(dict.fromkeys(key.decode() for key in keys))
    held = store.vectors(names)
    merged = store._write(names, held)
    first, last = min(names), max(names)
    told = {"rows": len(names), "first_key": first, "last_key": last, "dtype": "float32", "backend": "", "token": "m"}
    store.index.append(SegmentEntry(segment=merged, merges=tuple(before), replaces=True, **told))
    p.change(**keeping(1, soak=0))
    for _ in range(4):
        p.later(days=2)
        sweep(p)
    assert p.lake.embeddings(p.embedder.record.fingerprint).missing(names) == []


def test_a_collection_that_another_generation_took_over_stays(p: Project) -> None:
    taken = p.manifest(id_of(p, 1)).collection
    serving = f"docs/generations/{id_of(p, 3)}/manifest.json"
    values(p)[serving] = checked_bytes(p.manifest(id_of(p, 3)).model_copy(update={"collection": taken}))
    assert [found.removed for found in soaked(p)] == [[], [id_of(p, 1)]]
    assert taken in p.vectors.collections()


def test_vectors_that_an_earlier_version_left_unfinished_go(p: Project) -> None:
    key = f"embeddings/{p.manifest().model.fingerprint}/unfinished/{'ab' * 32}.parquet"
    p.store.put(key, b"vectors")
    p.later(days=30)
    assert 1 == sweep(p).files["unfinished"]
    assert key not in values(p)


def test_segments_that_another_index_names_stay_and_others_go(tmp_path: Path) -> None:
    p = at_night(project(tmp_path, DOCUMENTS, documents_per_shard=4, **keeping(1, soak=0)))
    p.run()
    source = CountingSource("docs", tmp_path / "copies")
    for n in range(DOCUMENTS):
        source.write(f"d{n:02d}.md", document(n))
    other = Project((source,), p.store, p.vectors, p.embedder, p.options.model_copy(update={"index": "other"}))
    assert other.run().embedded == 0
    for night in range(2, 6):
        p.later(days=1)
        rewrite(p, night)
        p.run()
    before = [key for key in values(p) if "/segments/" in key]
    p.later(days=1)
    soaked(p, 3)
    assert (len(before), len([key for key in values(p) if "/segments/" in key])) == (5, 4)  # one for the other index
    assert lost(p) == []
    assert (p.check().faults, other.check().faults) == ((), ())
