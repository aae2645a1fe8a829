"""What thirty nights leave on disk: bytes of lake and engine after each, as JSON and SVG.

    python -m benchmarks.nights [--documents 400] [--nights 30] [--keep 3] [--unretired 10] [--out benchmarks/nights]

Each night 1 % of the documents get another last section, and one run follows; nothing waits for a soak. The model is
the hashing one. Beside it stands what changed: the bytes of the documents that were written since the first night; and
a few nights in which nothing is retired.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

from benchmarks.incremental import SHARE, document

WIDTH, HEIGHT, LEFT, TOP = 720, 360, 70, 30
COLOURS = {"lake": "#1f77b4", "engine": "#d62728", "changed": "#7f7f7f"}


def main() -> None:
    """Measure, and write what was found beside `--out`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=400)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--keep", type=int, default=3)
    parser.add_argument("--unretired", type=int, default=10, help="nights of the runs that retire nothing")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/nights"))
    args = parser.parse_args()
    out = args.out.resolve()
    found = {"documents": args.documents, "share": SHARE, "keep": args.keep}
    found["retired"] = measured(args.documents, args.nights, args.keep)
    found["kept"] = measured(args.documents, args.unretired, 0)
    out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    out.with_suffix(".svg").write_text(plot(found))
    for name in ("retired", "kept"):
        first, last = found[name][0], found[name][-1]
        told = ", ".join(f"{what} {first[what] / 2**20:.1f} → {last[what] / 2**20:.1f} MiB" for what in COLOURS)
        print(f"{name}: {told}; {last['collections']} collections, {last['generations']} generations with files")


def measured(count: int, nights: int, keep: int) -> list[dict[str, int]]:
    """Return what is on disk after the first build and after each night."""
    import ingest

    with tempfile.TemporaryDirectory(prefix="ingest-bench-nights-") as name:
        folder = Path(name)
        documents, lake, state = folder / "documents", folder / "lake", folder / "state"
        documents.mkdir()
        index = {
            "sources": [{"name": "docs", "uri": str(documents)}],
            "model": {"kind": "hashing", "name": "hashing"},
            "gate": {"allow_unjudged": True},
            "retire": {"keep": keep, "minimum_age_hours": 0, "soak_hours": 0},
            "documents_per_shard": max(count // 16, 1),
        }
        settings = {"lake": str(lake), "state": str(state), "indexes": {"docs": index}}
        changed, after = 0, []
        with ingest.open(settings) as opened:
            for night in range(nights + 1):
                some = range(count) if night == 0 else changed_in(night, count)
                for number in some:
                    text = document(number, night)
                    changed += len(text.encode()) if night else 0
                    (documents / f"{number:06}.md").write_text(text)
                assert opened.run().decision == "promoted"
                collections = [one for one in (state / "qdrant" / "collections").iterdir() if one.name[0] != "."]
                manifests = lake.glob("docs/generations/*/manifest.json")
                sizes = {"lake": size(lake), "engine": size(state / "qdrant"), "changed": changed}
                after.append({**sizes, "collections": len(collections), "generations": len(list(manifests))})
                print(f"keep {keep}, night {night}: {after[-1]}", flush=True)
        return after


def changed_in(night: int, documents: int) -> range:
    """Return the documents that change in a night: others every night."""
    count = max(round(documents * SHARE), 1)
    return range((night - 1) * count % documents, (night - 1) * count % documents + count)


def size(folder: Path) -> int:
    """Return the bytes of all files on disk below a folder, as blocks: files of the engine are sparse."""
    found = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                found += (Path(place) / name).stat().st_blocks * 512
            except FileNotFoundError:  # the engine works on
                continue
    return found


def plot(found: dict) -> str:
    """Return a chart: solid lines with retirement, dashed ones without."""
    nights, rows = len(found["retired"]) - 1, [*found["retired"], *found["kept"]]
    most = max(max(row["lake"], row["engine"]) for row in rows)

    def place(night: float, value: float) -> str:
        x, y = LEFT + (WIDTH - LEFT - 20) * night / nights, TOP + (HEIGHT - TOP - 40) * (1 - value / most)
        return f"{x:.1f},{y:.1f}"

    lines = []
    for what, colour in COLOURS.items():
        for name, dash in (("retired", ""), ("kept", ' stroke-dasharray="6 4"'))[: 1 if what == "changed" else 2]:
            points = " ".join(place(night, row[what]) for night, row in enumerate(found[name]))
            lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
    for step in range(5):
        x, y = place(0, most * step / 4).split(",")
        lines.append(f'<text x="{LEFT - 8}" y="{y}" text-anchor="end">{most * step / 4 / 2**20:.0f} MiB</text>')
        lines.append(f'<line x1="{x}" y1="{y}" x2="{WIDTH - 20}" y2="{y}" stroke="#ddd"/>')
    for night in range(0, nights + 1, 5):
        x = place(night, 0).split(",")[0]
        lines.append(f'<text x="{x}" y="{HEIGHT - 22}" text-anchor="middle">{night}</text>')
    told = f"{found['documents']:,} documents, {found['share']:.0%} changed each night; keep: {found['keep']}"
    legend = "lake (blue), engine (red), bytes that changed (grey); dashed: nothing is retired"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif"'
    texts = f'<text x="{LEFT}" y="18">{told}</text><text x="{LEFT}" y="{HEIGHT - 4}">{legend}</text>'
    white = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
    return f'{head} font-size="12">\n{white}\n' + "\n".join([*lines, texts]) + "\n</svg>\n"


if __name__ == "__main__":
    main()
