"""Runs under a budget, each in a process of its own that its test may kill at any moment.

Reads an order a line: {"project", "run", "budget", "concurrency"}. Prints the process' id when it begins, and after a
further line its exit code when it has ended. The processes are forked, since a test of a hundred kills cannot wait for
a hundred imports.
"""

import json
import os
import sys
import traceback
from typing import Any

import synthkit as sk
from synthkit.engine import api
from synthkit.models import attempts


@sk.generator(writes="n", endless=True)
def forever(round: sk.Round) -> Any:
    for n in range(round.start, round.start + round.want):
        yield {"n": n}


class Ask(sk.Prompt):
    template = "Number {{ n }}"


class Judge(sk.Prompt):
    template = "Is {{ text }} good?"


def run(order: dict[str, Any]) -> None:
    os.chdir(order["project"])
    attempts.FIRST_DELAY = 0.02
    pipeline = sk.Pipeline("p", target=100_000) >> forever >> Ask(model="m") >> Judge(model="m", into="verdict")
    api.run(
        pipeline, folder=order["run"], budget=order["budget"], concurrency=order["concurrency"], max_failures="100%"
    )


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                run(json.loads(line))
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(child, flush=True)
        sys.stdin.readline()  # until then it stays, dead or alive, and its id is nobody else's
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
