"""Waiting for coroutines that run side by side."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def all_of(works: Iterable[Awaitable[T]]) -> list[T]:
    """The results, in order. Raises what one of them raised, but not before all have ended: what the others still ask
    is paid for, and counted where it was asked."""
    results = await asyncio.gather(*works, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    if errors:
        raise next((error for error in errors if isinstance(error, Exception)), errors[0])
    return [result for result in results if not isinstance(result, BaseException)]
