"""Memory is bounded by what is on its way, not by how many records there are."""

import json
import os
import subprocess
import sys
from pathlib import Path

WORKER = """
import json, resource, sys
sys.path.insert(0, {here!r})
from engine_kit import *
import synthkit as sk
from synthkit.engine import api

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

def pipeline(n):
    return sk.Pipeline("p") >> numbers(top=n) >> doubled

api.run(pipeline(5_000), folder="warm", concurrency=32)
before = peak()
result = api.run(pipeline({records}), folder="run", concurrency=32)
grown = peak() - before
count = sum(1 for _ in result.scan())
print(json.dumps([result.status, count, grown]))
"""


def test_two_hundred_thousand_records(project: Path) -> None:
    records = 200_000
    code = WORKER.format(here=str(Path(__file__).parent), records=records)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, env=os.environ.copy(), capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stderr
    status, count, grown = json.loads(done.stdout)
    assert (status, count) == ("complete", records)
    assert grown < 1024 * records, f"{grown / records:.0f} bytes a record"
