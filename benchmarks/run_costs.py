"""What one run costs, counted where the work is done: an S3 server, a run in a process of its own, and the engine."""

import json
import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qs

CORPUS, LAKE = "corpus", "lake"


# The S3 server, in its own process


def serve() -> int:
    """Serve S3, count its requests, and obey POST /-/: objects to write or delete; GET /-/ tells the counts."""
    from moto.s3.models import s3_backends

    from tests.s3_server import FaultyS3, listening

    counts, app, lock = Counter(), FaultyS3(), threading.Lock()
    backend = s3_backends["123456789012"]["aws"]
    for bucket in (CORPUS, LAKE):
        backend.create_bucket(bucket, "us-east-1")

    def control(environ, start_response):
        data = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        for key, text in json.loads(data or b"{}").items():
            if text is None:
                backend.delete_object(CORPUS, key)
            else:
                backend.put_object(CORPUS, key, text.encode())
        usage = os.times()
        sizes = Counter()
        if parse_qs(environ["QUERY_STRING"]).get("sizes"):
            for key, held in list(backend.buckets[LAKE].keys.items()):
                sizes[key.split("/")[1] if key.startswith("bench/") else key.split("/")[0]] += held.size
        told = {"counts": counts, "cpu": usage.user + usage.system, "sizes": sizes}
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(told).encode()]

    def counted(environ, start_response):
        path = environ["PATH_INFO"]
        if path == "/-/":
            return control(environ, start_response)
        bucket, _, key = path.strip("/").partition("/")
        method = "LIST" if environ["REQUEST_METHOD"] == "GET" and not key else environ["REQUEST_METHOD"]
        answer = app(environ, start_response)
        body = b"".join(answer)
        with lock:
            counts[f"{bucket} {method}"] += 1
            counts[f"{bucket} bytes out"] += int(environ.get("CONTENT_LENGTH") or 0)
            counts[f"{bucket} bytes in"] += len(body) if method in ("GET", "LIST") else 0
        return [body]

    with listening(counted) as url:
        print(url, flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
    return 0


# One run, in its own process


def run_counted(settings: str, out: str, profile: Path | None) -> int:
    """Do what `ingest run --json` does, and write what it cost."""
    counts = Counter()
    count_work(counts)
    from ingest.cli.main import app

    arguments = ["run", "-f", settings, "--json"]
    if profile is None:
        code = exit_code(lambda: app(arguments))
    else:
        import cProfile

        measured = cProfile.Profile(time.process_time)
        code = measured.runcall(exit_code, lambda: app(arguments))
        measured.dump_stats(profile / f"{Path(out).stem}.prof")
    Path(out).write_text(json.dumps(counts))
    return code


def exit_code(call) -> int:
    """Return the exit code of a command."""
    try:
        call()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def count_work(counts: Counter) -> None:
    """Count what the run does, where it does it."""
    import httpx

    from ingest.adapters.sandbox.pool_sandbox import PoolSandbox
    from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
    from ingest.lake import verified_files

    sizes = {
        "upsert": ("points written", lambda arguments, answer: len(arguments[1])),
        "delete": ("points deleted", lambda arguments, answer: len(arguments[1])),
        "retrieve": ("points read", lambda arguments, answer: len(answer)),
    }

    def counting(method, name, size):
        def counted(self, *arguments, **options):
            answer = method(self, *arguments, **options)
            counts[name] += size(arguments, answer)
            return answer

        return counted

    for name, (told, size) in sizes.items():
        setattr(QdrantIndex, name, counting(getattr(QdrantIndex, name), told, size))
    scroll, parse, send, hashed = QdrantIndex.scroll, PoolSandbox.parse, httpx.Client.send, verified_files.file_sha256

    def scrolled(self, *arguments, **options):
        for point in scroll(self, *arguments, **options):
            counts["points scrolled"] += 1
            yield point

    def sent(self, request, **options):
        answer = send(self, request, **options)
        counts["engine bytes out"] += int(request.headers.get("content-length", 0))
        counts["engine bytes in"] += len(answer.content)
        return answer

    def verified(path):
        counts["lake bytes verified"] += path.stat().st_size
        return hashed(path)

    QdrantIndex.scroll, httpx.Client.send, verified_files.file_sha256 = scrolled, sent, verified
    PoolSandbox.parse = counting(parse, "documents parsed", lambda *_: 1)


# The engine


def engine_cpu(pid: int) -> float:
    """Return the CPU seconds of the engine and of its workers, the ended ones too."""
    import psutil

    front = psutil.Process(pid)
    used = [front.cpu_times(), *(child.cpu_times() for child in front.children(recursive=True))]
    return sum(t.user + t.system for t in used) + used[0].children_user + used[0].children_system
