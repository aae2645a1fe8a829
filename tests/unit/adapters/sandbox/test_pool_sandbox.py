"""Whatever a document makes its parser do, it costs one document and at most one process."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from ingest.adapters.sandbox import parser_process as _process
from ingest.adapters.sandbox import parser_worker as _wire
from ingest.adapters.sandbox import pool_sandbox
from ingest.adapters.sandbox.parser_process import ParserProcess
from ingest.adapters.sandbox.parser_worker import ParserAnswer
from ingest.adapters.sandbox.pool_sandbox import PoolSandbox
from ingest.documents import parsers
from ingest.errors import (
    InvalidSettings,
    MalformedDocument,
    OversizedDocument,
    ParserCrashed,
    ParserKilled,
    ParserTimeout,
    SandboxUnavailable,
    UnsupportedFormat,
    first_fault,
)
from ingest.records import Block, BlockKind, Child, Document, ParseLimits, ParserOptions
from tests import hostile_parser
from tests.lacking_parser import PNG
from tests.unit.adapters.sandbox.conftest import order, pids_of
from tests.unit.documents.parsers.checks import raw

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the walls are Linux's")


def answered(data: bytes) -> ParserAnswer:
    return ParserAnswer.model_validate_json(data, strict=True)


def gives(monkeypatch, result) -> None:
    """Let every process give this result, whatever it was asked."""
    monkeypatch.setattr(ParserProcess, "ask", asked_first(_wire.answer(result)))


def asked_first(answer):
    ask = ParserProcess.ask
    return lambda process, question, *limits: answer if question else ask(process, question, *limits)


def test_a_document_comes_back_as_its_parser_made_it(pool):
    assert pool.parse(order("say Ünï✓")).text == "Ünï✓"


@pytest.mark.parametrize(
    ("command", "limits", "error", "message"),
    [
        ("hang", {"wall_seconds": 0.3}, ParserTimeout, r"a: not parsed within 0\.3 s \(limits\.wall_seconds\)"),
        ("stop", {"wall_seconds": 0.3}, ParserTimeout, "wall_seconds"),
        ("spin", {"cpu_seconds": 0.1}, ParserTimeout, r"a: took more than 0\.1 s of CPU time \(limits\.cpu_seconds\)"),
        ("spin_in_c", {"wall_seconds": 0.3}, ParserTimeout, "wall_seconds"),
        ("eat", {"memory_bytes": 2**27}, OversizedDocument, r"a: out of memory.* 134217728 bytes"),
        ("wrap", {}, OversizedDocument, "a: out of memory"),
        ("recurse", {}, OversizedDocument, r"a: nested too deeply .* \(limits\.nesting\)"),
        ("long 101", {"text_characters": 100}, OversizedDocument, r"101 text_characters, the limit is 100"),
        ("surrogate", {}, MalformedDocument, "a: half of a surrogate pair at character 1"),
        ("raise odd value", {}, ParserCrashed, "a: ValueError: odd value"),
        ("kill 9", {}, ParserKilled, "a: its parser's process was killed by SIGKILL"),
        ("segfault", {}, ParserCrashed, r"killed by SIGSEGV; Fatal Python error: Segmentation fault; .*string_at, "),
        ("kill 6", {}, ParserKilled, r"killed by SIGABRT, .* \(limits\.memory_bytes is 2147483648\)"),
        ("exit 3", {}, ParserCrashed, "a: its parser's process was ended with code 3"),
        ("scribble", {}, ParserCrashed, "no answer that can be read"),
        ("overrun text", {}, ParserCrashed, "no answer that can be read: block 0 to 13 after 0 of 4 characters"),
        ("huge", {}, OversizedDocument, r"a: parsed to more than the \d+ bytes that the limits allow"),
        ("socket", {}, ParserCrashed, "a: PermissionError"),
        ("fork", {}, ParserCrashed, "a: PermissionError"),
        ("run", {}, ParserCrashed, "a: PermissionError"),
    ],
)
def test_each_misdeed_has_its_own_reason_and_the_next_document_is_parsed(pool, command, limits, error, message):
    began = time.monotonic()
    with pytest.raises(error, match=message):
        pool.parse(order(command, **limits))
    assert time.monotonic() - began < 15
    assert pool.parse(order("say next")).text == "next"


def test_documents_before_do_not_decide_about_a_document_that_its_process_died_with(open_pool, tmp_path):
    pool = open_pool()
    first = pool.parse(order("pid")).text
    with pytest.raises(ParserCrashed, match="SIGKILL"):
        pool.parse(order("kill 9"))
    assert pool.parse(order("pid")).text != first


def test_a_parser_may_print_what_it_likes(pool, capfd):
    assert pool.parse(order("print")).text == "quiet"
    assert pool.parse(order("print")).text == "quiet"
    assert capfd.readouterr() == ("", "")


def test_what_a_parser_warns_of_is_logged_here_in_one_line_and_not_without_end(pool, caplog):
    pool.parse(order("warn a\nb"))
    assert caplog.messages == ["a b"] * 20
    caplog.clear()
    pool.parse(order("say nothing"))
    assert caplog.messages == []


def test_a_process_may_start_threads(pool):
    assert pool.parse(order("thread")).text == "ran"


def test_secrets_of_the_environment_do_not_reach_a_parser(open_pool, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("QDRANT_API_KEY", "x")
    names = open_pool().parse(order("environment")).text
    assert [name for name in ("AWS_SECRET_ACCESS_KEY", "QDRANT_API_KEY", "HOME") if f"'{name}'" in names] == []


def test_a_parsers_process_holds_no_model_no_store_and_no_flow(pool):
    modules = pool.parse(order("modules")).text
    heavy = ("torch", "boto3", "qdrant_client", "prefect", "transformers", "sentence_transformers", "spacy")
    assert [name for name in heavy if f"'{name}'" in modules] == []


def test_a_parser_cannot_open_a_socket_from_c_either(pool):
    assert pool.parse(order("socket_in_c")).text == "errno 1"


def test_a_parser_reads_no_file_that_a_document_names(pool, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("key")
    with pytest.raises(ParserCrashed, match="PermissionError"):
        pool.parse(order(f"read {secret}"))


def test_a_parser_writes_no_file(pool, tmp_path):
    place = tmp_path / "owned"
    with pytest.raises(ParserCrashed):
        pool.parse(order(f"write {place}"))
    assert not place.exists()


def reading_scans(command):
    given = order(command)
    return replace(given, options=given.options.model_copy(update={"ocr": True}))


def test_text_recognition_may_start_its_program_and_write_where_that_looks(pool, tmp_path):
    plain = pool.parse(order("pid")).text
    assert pool.parse(reading_scans("run")).text == "started\n"
    assert pool.parse(reading_scans("write_temporary")).text == "5"
    for command in (f"write {tmp_path / 'owned'}", "socket"):
        with pytest.raises(ParserCrashed, match="PermissionError"):
            pool.parse(reading_scans(command))
    assert (pool.parse(order("pid")).text != plain, len(pids_of(pool))) == (True, 1)


def test_what_text_recognition_wrote_is_gone_with_its_process(pool):
    place = Path(pool.parse(reading_scans("temporary")).text)
    assert place.is_dir()
    pool.close()
    assert not place.exists()


def test_a_process_is_replaced_after_its_share_of_documents(pool, monkeypatch):
    monkeypatch.setattr(pool_sandbox, "DOCUMENTS_PER_PROCESS", 2)
    pids = [pool.parse(order("pid")).text for _ in range(4)]
    assert [pids[0] == pids[1], pids[1] == pids[2], pids[2] == pids[3]] == [True, False, True]


def test_a_process_that_holds_too_much_memory_is_replaced(pool, monkeypatch):
    monkeypatch.setattr(pool_sandbox, "RESIDENT_BYTES", 1)
    assert pool.parse(order("pid")).text != pool.parse(order("pid")).text


def test_no_more_processes_run_than_asked_for_and_threads_share_them(open_pool):
    pool = open_pool(processes=2)
    with ThreadPoolExecutor(6) as threads:
        pids = {document.text for document in threads.map(pool.parse, [order("pid")] * 30)}
    assert {str(pid) for pid in pids_of(pool)} >= pids
    assert len(pids_of(pool)) <= 2


def test_a_process_outlives_the_thread_whose_document_started_it(pool):
    first = []
    thread = threading.Thread(target=lambda: first.append(pool.parse(order("pid")).text))
    thread.start()
    thread.join()
    assert pool.parse(order("pid")).text == first[0]


def test_a_process_that_died_while_idle_costs_no_document(pool):
    os.kill(int(pool.parse(order("pid")).text), signal.SIGKILL)
    assert pool.parse(order("say on")).text == "on"


def test_closing_ends_what_is_under_way(open_pool):
    pool = open_pool()
    pool.parse(order("say ready"))
    failed = []

    def hang():
        try:
            pool.parse(order("hang"))
        except (ParserCrashed, RuntimeError) as error:
            failed.append(error)

    thread = threading.Thread(target=hang)
    thread.start()
    while not pool._busy:
        pass
    pool.close()
    thread.join(10)
    assert (len(failed), pids_of(pool)) == (1, [])


def test_a_document_whose_process_gave_no_answer_names_its_parser(open_pool):
    long = "# A\n\nA *paragraph*.\n\n" * 200_000  # seconds of work: no process answers within the limit
    hurried = replace(raw(long, "a.md"), options=ParserOptions(limits=ParseLimits(wall_seconds=0.01)))
    with pytest.raises(ParserTimeout) as caught:
        open_pool().parse(hurried)
    assert "markdown" == caught.value.parser


def test_no_process_is_left_behind_when_this_one_is_killed(hostile_path):
    script = (
        "import sys, threading; from ingest.adapters.sandbox.pool_sandbox import PoolSandbox\n"
        "from tests.unit.adapters.sandbox.conftest import order, pids_of\n"
        "pool = PoolSandbox(processes=1); print(pool.parse(order('pid')).text, flush=True)\n"
        "pool.parse(order('hang', wall_seconds=600.0))\n"
    )
    root = Path(__file__).parents[4]
    environment = {**os.environ, "PYTHONPATH": hostile_path}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=root, env=environment
    ) as parent:
        worker = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 10
    while _runs(worker) and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert not _runs(worker)


def _runs(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_processes_that_do_not_start_are_no_documents_fault(monkeypatch):
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")
    pool = PoolSandbox(processes=1)
    with pytest.raises(
        SandboxUnavailable, match=r"did not start within 60 s: ended, exit code 1; it wrote .*PYTHONHOME"
    ):
        pool.parse(raw("text"))
    pool.close()


def test_what_a_process_wrote_before_it_was_asked_is_told(monkeypatch):
    def ended(process, pipe, folder):
        made = started(process, pipe, folder)
        made.wait()
        return made

    started = _process.ParserProcess._started
    monkeypatch.setattr(_process.ParserProcess, "_started", ended)
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")
    with pytest.raises(SandboxUnavailable, match=r"it wrote .*PYTHONHOME"):
        _process.ParserProcess(60.0)


def test_a_child_that_is_no_child_is_no_answer():
    bare = b'{"text":"","blocks":[],"title":"","media_type":"","parser":"","children":[{"path":"a","data":%b}]}'
    head = b'{"result":' + bare + b',"notes":[],"last":false}'
    assert answered(head % b'"_w=="').result.children == (Child("a", b"\xff"),)
    for data in (b'"="', b'"\xff"', b"7"):
        with pytest.raises(ValidationError):
            answered(head % data)


HEAD = b'{"result":{"text":"","title":"","media_type":"","parser":"","blocks":[%b]},"notes":[],"last":false}'


def test_of_millions_of_faults_only_the_first_is_found():
    with pytest.raises(ValidationError) as told:
        answered(HEAD % b",".join([b"{}"] * 10_000))
    assert "result.Document.blocks.0.kind: Field required" == first_fault(told.value)
    assert told.value.error_count() < 10


@pytest.mark.parametrize("number", [-1, 2**31, 10**30])
@pytest.mark.parametrize("field", ["level", "page", "header_end", "breaks"])
def test_a_number_that_no_column_holds_is_no_answer(field, number):
    told = f"[{number}]" if field == "breaks" else f"{number}"
    with pytest.raises(ValidationError, match=rf"blocks\.0\.{field}"):
        answered(HEAD % f'{{"kind":"table","start":0,"end":0,"{field}":{told}}}'.encode())


def test_a_process_that_checks_no_limits_is_checked(pool, monkeypatch):
    given = Document("a" * 101, (Block(BlockKind.PARAGRAPH, 0, 101),), "", "", "markdown")
    gives(monkeypatch, given)
    limited = replace(raw("# A"), options=ParserOptions(limits=ParseLimits(text_characters=100)))
    with pytest.raises(OversizedDocument, match=r"^a\.md: parsed to 101 text_characters, the limit is 100"):
        pool.parse(limited)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"[]",
        b"{}",
        b"7",
        b'{"result":{"error":"SystemExit","message":""},"last":false,"notes":[]}',
        b'{"result":{"error":"FatalError","message":""},"last":false,"notes":[]}',
        b'{"result":{"error":["x"],"message":""},"last":false,"notes":[]}',
    ],
)
def test_an_answer_of_another_shape_is_told_as_such(head):
    with pytest.raises(ValidationError):
        answered(head)


@pytest.fixture
def lacking(open_pool, monkeypatch, tmp_path):
    """A pool where a parser of PNG is registered, here and in its processes, whose library is not installed."""

    def forget_parsers():
        parsers._modules.cache_clear()
        parsers.media_types.cache_clear()

    monkeypatch.setenv("PYTHONPATH", hostile_parser.registered(tmp_path, "lacking"))
    monkeypatch.syspath_prepend(tmp_path)
    forget_parsers()
    yield open_pool()
    forget_parsers()


def test_a_parser_without_its_libraries_is_a_fault_of_the_installation(lacking):
    with pytest.raises(InvalidSettings, match=r"^a: image/png needs no-such-library, .*'third-party\[png\]'$"):
        lacking.parse(raw(PNG, "a"))
    assert lacking.parse(raw("# A", "a.md")).parser == "markdown"


def test_a_process_that_says_so_of_a_parser_with_its_libraries_is_not_believed(pool, monkeypatch):
    gives(monkeypatch, InvalidSettings("x"))
    with pytest.raises(ParserCrashed, match=r"^a\.md: its parser claims that installed libraries are missing$"):
        pool.parse(raw("# A", "a.md"))


def test_a_process_that_says_so_of_the_parser_of_other_documents_stops_no_run(lacking, monkeypatch):
    gives(monkeypatch, InvalidSettings("image/png"))
    with pytest.raises(ParserCrashed, match=r"^a\.md: its parser claims that installed libraries are missing$"):
        lacking.parse(raw("# A", "a.md"))


def test_a_refusal_keeps_its_class_and_its_message():
    told = answered(_wire.answer(UnsupportedFormat("a: Ü\ud800" + "x" * 9999), last=True))
    assert (type(told.result), told.last, len(str(told.result))) == (UnsupportedFormat, True, 2000)


def test_the_environment_of_a_process_is_a_list_of_its_own(monkeypatch):
    monkeypatch.setenv("TOKEN", "x")
    assert set(_process.environment()) <= set(_process.PASSED_ON) | set(_process.FIXED)
