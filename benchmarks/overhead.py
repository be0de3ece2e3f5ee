"""What synthkit itself costs for a record: a run whose calls answer at once, from within the process.

    python benchmarks/overhead.py [records] [concurrency]

Prints the CPU time a record, of the loop's thread and of all threads, with journal, ledger and run folder on. Compare
it with itself, before and after a change, on a machine that does nothing else. To see where it goes, put a sampling
profiler in front.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import synthkit as sk
from synthkit.generators import LoadRecords
from synthkit.providers.openai import OpenAI

WORDS = "water light carbon model river theory engine village market signal "
REPLY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": WORDS * 4}}],
    "usage": {"prompt_tokens": 60, "completion_tokens": 40, "total_tokens": 100},
}


class Single(sk.Prompt):
    template = "{{ prompt }}"
    into = "response"


async def answered(self: OpenAI, request: sk.Request, sample: str) -> str:
    """The body is made as for a real call, and goes nowhere."""
    self.body(request)
    await asyncio.sleep(0)
    return json.dumps({**REPLY, "id": sample})


def main(records: int = 5_000, concurrency: int = 64) -> None:
    OpenAI.call = answered  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        lines = (json.dumps({"id": number, "prompt": f"{number} {WORDS * 6}"}) for number in range(records))
        Path("in.jsonl").write_text("\n".join(lines))
        Path("synthkit.toml").write_text('[models.m]\nuse = "openai/m"\nbase_url = "http://127.0.0.1:9/v1"\n')
        pipeline = sk.Pipeline("overhead") >> LoadRecords(path="in.jsonl") >> Single(model="m")
        began, loop, everything = time.monotonic(), time.thread_time(), time.process_time()
        result = pipeline.run(folder="run", concurrency=concurrency, progress=False)
        assert result.status == "complete", result.reason
        wall = time.monotonic() - began
        own, all_threads = time.thread_time() - loop, time.process_time() - everything
        print(
            f"{records:,} records in {wall:.2f} s: {own / records * 1e6:.0f} µs of the loop's thread each, "
            f"{all_threads / records * 1e6:.0f} µs in all"
        )
        os.chdir("/")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
