"""The file of leases: up to which sum a run may have spent money, written before it is spent.

A line of JSON for each change, the last one counts. `spent` with `known` is exact, at the beginning and at the end of a
session; `leased` is a sum that may have been spent since. What a kill leaves behind a `leased` nobody knows, so all of
it counts as spent. `known` is what the journal and the log of events accounted for at that time: what they have beyond
it by the next session was spent in one without a budget.
"""

import asyncio
import json
import os
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from synthkit.errors import StoreError
from synthkit.models.budget import ZERO
from synthkit.models.journal.folder import sync_folder

SHARE = Decimal("0.02")
"""The part of what is left that a lease takes at least: small, as a kill loses it; not smaller, as each is synced."""
GRAIN = Decimal("0.000001")


class Leases:
    """Leases of one run, for its `Budget`. Its owner holds the run's lock."""

    def __init__(self, path: Path, spent: Decimal, *, killed: bool = False) -> None:
        """killed: `spent` is a sum that may have been spent."""
        self._path = path
        self.spent = spent
        self.killed = killed
        self._mark = spent
        self._limit = ZERO
        self.written = 0

    @classmethod
    def open(cls, path: Path, known: Decimal) -> "Leases":
        """Reads the file, or begins with what is `known` to be spent where there is none. Raises `StoreError` for one
        that is damaged. Writes nothing."""
        last: dict[str, Any] | None = None
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return cls(path, known)
        except OSError as error:
            raise _wrong(path, error) from error
        for number, line in enumerate(text.split(b"\n")[:-1], 1):  # no call went out on a line that is not whole
            last = _read(path, number, line)
        if last is None:
            return cls(path, known)
        if "leased" in last:
            return cls(path, max(Decimal(last["leased"]), known), killed=True)
        return cls(path, Decimal(last["spent"]) + max(known - Decimal(last["known"]), ZERO))

    def begin(self, known: Decimal, limit: Decimal) -> None:
        """Takes down what is spent so far, and what may be spent in all."""
        self._limit = limit
        try:
            if self._path.exists():
                _cut_torn(self._path)
        except OSError as error:
            raise _wrong(self._path, error, "write") from error
        self.end(self.spent, known)

    async def lease(self, least: Decimal) -> Decimal:
        """See `Lender`. Written in a thread, durable when it returns. Raises `StoreError`."""
        left = self._limit - self._mark
        more = min(left, max(least, (left * SHARE).quantize(GRAIN)))
        if more <= 0:
            return ZERO
        await asyncio.to_thread(self._write, {"leased": str(self._mark + more)})
        self._mark += more
        return more

    async def give_back(self, dollars: Decimal) -> None:
        """See `Lender`. Raises `StoreError`; then the file says more than is leased."""
        self._mark -= dollars
        await asyncio.to_thread(self._write, {"leased": str(self._mark)})

    def end(self, spent: Decimal, known: Decimal) -> None:
        """Takes down what was spent, exactly."""
        self._write({"spent": str(spent), "known": str(known)})

    def _write(self, form: dict[str, str]) -> None:
        new = not self._path.exists()
        try:
            with self._path.open("ab", buffering=0) as file:
                start, line = file.tell(), json.dumps(form).encode() + b"\n"
                try:
                    while line:  # a disk that is nearly full takes a part, and says so
                        line = line[file.write(line) :]
                except OSError:
                    file.truncate(start)  # a line that is not whole would swallow the next
                    raise
                os.fsync(file.fileno())
            if new:
                sync_folder(self._path.parent)
        except OSError as error:
            raise _wrong(self._path, error, "write") from error
        self.written += 1


def _read(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        form = json.loads(line)
        amounts = [Decimal(form[name]) for name in (("leased",) if "leased" in form else ("spent", "known"))]
        if all(amount.is_finite() for amount in amounts):
            return dict(form)
    except (ValueError, LookupError, TypeError, InvalidOperation):
        pass
    raise StoreError(
        f"{path}, line {number} is damaged, so nobody knows what the run has spent: put the file back from a copy, or "
        "start a new run, which gets its answers from the journal"
    )


def _cut_torn(path: Path) -> None:
    """Takes off a last line that a kill left unfinished."""
    with path.open("r+b") as file:
        text = file.read()
        whole = text.rfind(b"\n") + 1
        if whole < len(text):
            file.truncate(whole)


def _wrong(path: Path, error: OSError, what: str = "read") -> StoreError:
    return StoreError(f"cannot {what} {path}: {error.strerror or error}; what was committed before is safe")
