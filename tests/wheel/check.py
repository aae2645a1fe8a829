"""Build the wheel, install it into fresh environments, and run the main job there. `make wheel-test` calls this.

    python tests/wheel/check.py [--keep]

Everything happens in a temporary folder outside of the checkout, removed unless `--keep` is given. Packages come from
the index and the cache that pip is configured with, at the versions of requirements.lock.

1. All extras: four formats, the embedded engine, the default model. A second run finds nothing to do.
2. No extra: three formats, hashed words, a server. A PDF then stops the run at plan, and nothing is quarantined.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BESIDE_CODE = {
    "ingest/py.typed",
    "ingest/cli/ingest.yaml",
    "ingest/cli/preview/page.css",
    "ingest/cli/preview/page.html.j2",
    "ingest_flows/prefect.yaml",
}
FATAL = 4  # exit code of `ingest`
SETTINGS = """
lake: ./lake
indexes:
  docs:
    sources: [{name: docs, uri: ./documents}]
    gate: {allow_unjudged: true}
"""
HASHED = "    model: {kind: hashing, name: words}\n"
DOCUMENTS = {
    "valves.md": "# Valves\n\nThe northern valve loses pressure at night.\n",
    "pumps.html": "<!doctype html><title>Pumps</title><h1>Pumps</h1><p>A pump that hums has lost a bearing.</p>",
    "filters.txt": "Filters of paper are changed every spring.\n",
}
PAGE = b"BT /F1 12 Tf 72 700 Td (Gauges are read twice a day.) Tj ET"
PDF = b"""%%PDF-1.4
1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj
2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj
3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>> endobj
4 0 obj <</Length %d>> stream
%s
endstream endobj
5 0 obj <</Type/Font/Subtype/Type1/BaseFont/Helvetica>> endobj
trailer <</Root 1 0 R>>
startxref
0
%%%%EOF
""" % (len(PAGE), PAGE)
NEVER_IN_CORE = {
    "jinja2",
    "prefect",
    "pypdfium2",
    "python-oxmsg",
    "qdrant-edge-py",
    "scikit-learn",
    "torch",
}
STARTED = time.monotonic()


def main() -> None:
    """Run everything; the first fault ends it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--keep", action="store_true", help="leave the folder with the environments")
    keep = parser.parse_args().keep
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    place = Path(tempfile.mkdtemp(prefix="ingest-wheel-"))
    try:
        wheel = built(place)
        everything = Installed(place / "all", f"{wheel}[all]")
        site = everything.site("site", SETTINGS, {**DOCUMENTS, "gauges.pdf": PDF})
        everything.ingest(site, "qdrant", "start")  # for both
        try:
            everything.main_job(site)
            Installed(place / "core", str(wheel)).without_extras(site / ".ingest" / "qdrant" / "endpoint.json")
        finally:
            everything.ingest(site, "qdrant", "stop", "--force")
        say("the wheel works with all extras and without any")
    finally:
        if keep:
            say(f"everything is in {place}")
        else:
            shutil.rmtree(place, ignore_errors=True)


def say(what: str) -> None:
    """Print a step."""
    sys.stdout.write(f"{time.monotonic() - STARTED:4.0f} s  {what}\n")
    sys.stdout.flush()


def built(place: Path) -> Path:
    """Return the wheel of this checkout, after a look at what is in it."""
    say("build the wheel")
    run([sys.executable, "-m", "venv", str(place / "build")])
    python = place / "build" / "bin" / "python"
    run([python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", place, ROOT])
    (wheel,) = place.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    tops = {name.partition("/")[0] for name in names}
    check(
        tops == {"ingest", "ingest_conformance", "ingest_flows", f"{wheel.stem.rsplit('-', 3)[0]}.dist-info"},
        f"top level: {tops}",
    )
    check(names >= BESIDE_CODE, f"missing in the wheel: {BESIDE_CODE - names}")
    strange = {name for name in names if not name.endswith(".py") and ".dist-info/" not in name} - BESIDE_CODE
    check(not strange, f"in the wheel and not expected: {strange}")
    return wheel


class Installed:
    """A fresh environment with the wheel."""

    def __init__(self, folder: Path, requirement: str) -> None:
        say(f"install {Path(requirement).name} into a fresh environment")
        self.folder, self.bin = folder, folder / "venv" / "bin"
        run([sys.executable, "-m", "venv", str(folder / "venv")])
        locked = ["--constraint", str(ROOT / "requirements.lock")]
        run([self.bin / "python", "-m", "pip", "install", "--quiet", "--no-compile", *locked, requirement])
        where = run([self.bin / "python", "-c", "import ingest; print(ingest.__file__)"], cwd=folder).stdout
        check(str(folder) in where, f"ingest is imported from {where}")

    def site(self, name: str, settings: str, documents: dict[str, str | bytes]) -> Path:
        """Return a new folder with settings and documents."""
        site = self.folder / name
        (site / "documents").mkdir(parents=True)
        (site / "ingest.yaml").write_text(settings)
        for path, content in documents.items():
            (site / "documents" / path).write_bytes(content if isinstance(content, bytes) else content.encode())
        return site

    def ingest(self, site: Path, *words: str, code: int = 0, **environment: str) -> Any:
        """Return the JSON that a command prints, or what it says on stderr when it must fail."""
        done = run([self.bin / "ingest", *words, "--json"], cwd=site, code=code, **environment)
        return json.loads(done.stdout) if code == 0 else done.stderr + done.stdout

    def main_job(self, site: Path) -> None:
        """Build, promote and search with the defaults; run again and find nothing to do."""
        say("run: four formats, the default model, the embedded engine")
        first = self.ingest(site, "run")
        check(first["decision"] == "promoted" and first["quarantined"] == {}, f"first run: {first}")
        self.answers(site, "how often are gauges read", "gauges.pdf")
        say("run again")
        second = self.ingest(site, "run")
        check((second["decision"], second["built"], second["embedded"]) == ("unchanged", False, 0), f"again: {second}")
        self.answers(site, "which valve loses pressure", "valves.md")
        run([self.bin / "python", "-c", "import ingest_flows.nightly, ingest_flows.release"], cwd=site)
        run([self.bin / "ingest", "preview", "documents/gauges.pdf", "--html", "gauges.html"], cwd=site)
        check("Gauges are read" in (site / "gauges.html").read_text(), "the page of the preview is empty")

    def without_extras(self, endpoint: Path) -> None:
        """Do the same with what is mandatory, against the engine that answers at an endpoint; then meet a PDF."""
        listed = json.loads(run([self.bin / "python", "-m", "pip", "list", "--format=json"]).stdout)
        names = {one["name"].lower() for one in listed}
        check(not names & NEVER_IN_CORE, f"the core brings {names & NEVER_IN_CORE}")
        found = json.loads(endpoint.read_text())
        server = {"QDRANT_URL": found["url"], "QDRANT_API_KEY": found["token"]}
        site = self.site("site", SETTINGS.replace("  docs:", "  core:") + HASHED, DOCUMENTS)
        say(f"run without any extra ({len(names)} packages): three formats, hashed words, a server")
        first = self.ingest(site, "run", **server)
        check(first["decision"] == "promoted" and first["quarantined"] == {}, f"first run: {first}")
        self.answers(site, "a pump that hums", "pumps.html", **server)
        say("a PDF without its extra")
        (site / "documents" / "gauges.pdf").write_bytes(PDF)
        for command in ("plan", "run"):
            told = self.ingest(site, command, code=FATAL, **server)
            check("application/pdf needs pypdfium2" in told and "ingest[pdf]" in told, f"{command}: {told}")
        (site / "documents" / "gauges.pdf").unlink()
        second = self.ingest(site, "run", **server)
        check((second["decision"], second["quarantined"]) == ("unchanged", {}), f"after the PDF: {second}")
        say("what the message says to install")
        (site / "documents" / "gauges.pdf").write_bytes(PDF)
        run([self.bin / "python", "-m", "pip", "install", "--quiet", "ingest[pdf]"])
        third = self.ingest(site, "run", **server)
        check((third["decision"], third["plan"]["counts"]["added"]) == ("promoted", 1), f"with the extra: {third}")
        told = self.ingest(self.site("bare", SETTINGS, DOCUMENTS), "plan", code=FATAL, **server)
        check("ingest[models]" in told, f"without a model library: {told}")

    def answers(self, site: Path, question: str, expected: str, **environment: str) -> None:
        """Check the first answer's document."""
        found = [result["doc"] for result in self.ingest(site, "search", question, **environment)["results"]]
        check(found[:1] == [expected], f"{question!r} found {found}, expected {expected} first")


def run(command: list[Any], code: int = 0, cwd: Path | None = None, **environment: str) -> Any:
    """Return a finished process; another exit code ends the test with what the command said."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH" and "QDRANT" not in name}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env={**clean, **environment}, capture_output=True, text=True
    )
    told = " ".join(map(str, command[:4]))
    check(done.returncode == code, f"{told} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done


def check(holds: bool, what: str) -> None:
    """End the test unless something holds."""
    if not holds:
        sys.exit(f"wheel-test failed: {what}")


if __name__ == "__main__":
    main()
