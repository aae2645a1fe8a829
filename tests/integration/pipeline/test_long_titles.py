"""A page with a title or headings of any length is indexed like any other."""

import json
from pathlib import Path

from ingest.lake.rows import document_rows
from ingest.records import EVERYTHING
from tests.pipelines import project

TITLE = "endless " * 25_000  # 200 KB


def test_a_page_with_a_long_title_and_many_sections_is_promoted_and_its_title_is_whole_in_the_lake(
    tmp_path: Path,
) -> None:
    p = project(tmp_path, documents=3)
    sections = "".join(f"<h2>Part {n} of {TITLE[:20_000]}</h2><p>{'words ' * 12}{n}</p>" for n in range(30))
    p.source.write("long.html", f"<html lang='{'x' * 5000}'><title>{TITLE}</title><body><h1>A</h1>{sections}")
    report = p.run()
    assert (report.decision, report.quarantined) == ("promoted", {})
    contents = p.contents()
    rows = [d for s in contents.shards for d in document_rows(p.lake.read(contents.parts(s)["documents"]))]
    assert {len(row.title) for row in rows if row.path == "long.html"} == {len(TITLE.strip())}
    payloads = [stored.payload for stored in p.vectors.scroll(contents.collection, EVERYTHING)]
    assert max(len(json.dumps(payload)) for payload in payloads) < 10_000
    titles = {payload["metadata"]["title"] for payload in payloads}
    assert titles > {"Document 0", "Document 1", "Document 2"}
    assert max(titles, key=len)[-1] == "…"
