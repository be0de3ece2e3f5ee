"""Parts in a module whose annotations are text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import synthkit as sk


@sk.generator(writes="n")
def counted(top: int = 3) -> Iterator[dict[str, Any]]:
    for n in range(top):
        yield {"n": n}


@sk.step(reads="n", writes="m")
async def plus(record: sk.Record, ctx: sk.Context, by: int | None = None, words: list[str] = []) -> dict[str, Any]:  # noqa: B006
    return {"m": record["n"] + (by or 0), **({"m": words[0]} if words else {})}
