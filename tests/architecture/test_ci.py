"""What `.ci/run` promises whoever reads its output, with a `make` that does nothing but what the test says."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = ("env", "terraform-check", "lint", "demo", "test")
MAKE = """#!/bin/sh
echo "output of $2"
cd "$FOLDER"
echo "$2" >>done
test "$2" != "$LASTING" || { exec 9>lasting; echo >begun; exec sleep 600; }
test -z "$LASTING" -o "$2" != "$FAILING" || read -r _ <begun
test "$2" != "$FAILING" || exit 3
test "$2" != test || echo "===== 7 passed, 1 skipped in 1.0s ====="
"""


def run(folder: Path, failing: str = "", lasting: str = "") -> subprocess.CompletedProcess[str]:
    """Run `.ci/run` on a stand-in for make."""
    (folder / "make").write_text(MAKE)
    (folder / "make").chmod(0o755)
    path = f"{folder}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "FOLDER": str(folder), "FAILING": failing, "LASTING": lasting}
    command = [ROOT / ".ci" / "run"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=50)


def test_each_section_has_its_output_under_its_title_and_a_line_in_the_summary(tmp_path: Path) -> None:
    ended = run(tmp_path)
    assert (0, "") == (ended.returncode, ended.stderr)
    for name in SECTIONS:
        assert f"===== make {name} =====\noutput of {name}\n" in ended.stdout
    summary = ended.stdout.split("===== summary")[1].splitlines()[1:]
    assert sorted(SECTIONS) == sorted(line.split()[0] for line in summary[:-1])
    assert "===== 7 passed, 1 skipped in 1.0s =====" == summary[-1]


def test_a_section_that_fails_is_named_and_nothing_comes_after_it(tmp_path: Path) -> None:
    for failing, never in (("env", "lint"), ("terraform-check", "lint"), ("lint", "test"), ("demo", "test")):
        (tmp_path / "done").write_text("")
        ended = run(tmp_path, failing)
        assert (1, 1) == (ended.returncode, ended.stderr.count("FAILED")), failing
        assert f"===== make {failing} FAILED after" in ended.stderr
        assert f"output of {failing}" in ended.stdout
        assert never not in (tmp_path / "done").read_text().split()
        assert "summary" not in ended.stdout


def test_what_runs_beside_a_section_that_fails_ends_with_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "begun")
    os.mkfifo(tmp_path / "lasting")
    held = os.open(tmp_path / "lasting", os.O_RDONLY | os.O_NONBLOCK)
    assert 1 == run(tmp_path, failing="lint", lasting="demo").returncode
    os.set_blocking(held, True)
    assert b"" == os.read(held, 1)  # which waits for as long as a process has the other end
    os.close(held)
