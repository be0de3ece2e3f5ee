"""A cluster where memory runs short: Ray's memory monitor ends processes from a little above what is used now."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from cluster_kit import Nodes, clustered

SPARE, HUGE = 2_400_000_000, 3_500_000_000
"""Bytes beyond what is used now: from where on Ray ends processes, a third of it for the cluster itself; and what a
step takes, if it is not ended before."""
FIRST, ALWAYS, FAR = "topic 100", "topic 300", "topic 7"
"""The record that takes all memory when it is done first; the one that always does; the one that wants far more than
there can be, which Python says itself."""
PIPELINE = f'''
import os, time
from pathlib import Path
from synthkit import Pipeline, Prompt, step
from synthkit.generators import LoadRecords

class Ask(Prompt):
    """Asks."""
    template = "Write about {{{{ topic }}}}"
    into = "text"

@step(reads=("topic", "text"), cpu=True)
def hungry(record):
    """Some records take all memory that there is."""
    flag, topic = Path(os.environ["FLAG"]), record["topic"]
    if topic == "{FAR}":
        bytearray(1 << 60)
    if topic == os.environ.get("ALWAYS") or (topic == "{FIRST}" and not flag.exists()):
        flag.touch()
        taken = []
        for _ in range({HUGE} // 100_000_000):
            taken.append(b"x" * 100_000_000)
            time.sleep(0.02)
        time.sleep(15)
    return {{}}

def pipeline() -> Pipeline:
    return Pipeline("p") >> LoadRecords(path="in.jsonl") >> Ask(model="m") >> hungry
'''


@contextmanager
def short(flag: Path, **environment: str) -> Iterator[Nodes]:
    """A cluster of one node. flag: the file that says that a record has taken all memory. Skips where a step could
    take more than half of what is free."""
    from ray._common.utils import get_system_memory
    from ray._private.utils import get_used_memory

    memory, total = psutil.virtual_memory(), get_system_memory()
    used = max(get_used_memory(), memory.total - memory.available)
    if total - used < 2 * HUGE:
        pytest.skip(f"{(total - used) / 1e9:.1f} GB of memory are free, and this needs {2 * HUGE / 1e9:g}")
    environment |= {
        "FLAG": str(flag),
        "RAY_memory_usage_threshold": f"{(used + SPARE) / total:.4f}",
        "RAY_memory_monitor_refresh_ms": "100",
        "RAY_max_kill_memory_buffer_bytes": "100000000",  # else it frees a twentieth of all, and ends all that runs
    }
    with clustered(1, **environment) as nodes:
        yield nodes
