"""The run folder: everything a run has, and the only place where it is changed."""

import fcntl
import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from synthkit.core.values import compact
from synthkit.engine import parts
from synthkit.engine.state import lost_key
from synthkit.errors import LockedError, StoreError

VERSION = 1
BODY, END = "rounds", "end"


def now() -> str:
    """The time for people to read; nothing depends on it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


KEEPER = "keeper.lock"
"""Locked by the process that writes a run's parts where that is another one than the run's own."""
MANY = 64
"""Lines that are written at once."""
PATIENCE, PAUSE = 60.0, 0.1
"""Seconds that one is waited for whose run has ended: Ray ends it in a few."""


class Store:
    """A run folder, locked. `state` is what run.json holds; `save` replaces the file atomically."""

    def __init__(self, folder: Path, state: dict[str, Any], lock: TextIO | None) -> None:
        self.folder = folder
        self.state = state
        self._lock = lock
        self._events: TextIO | None = None
        self._guard = threading.Lock()

    @classmethod
    def create(cls, folder: Path, state: Mapping[str, Any]) -> "Store":
        """A new run folder. Raises `StoreError` when there is a run in it, or it cannot be written."""
        made = not folder.exists()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot make the run folder {folder}: {error.strerror}") from error
        try:
            lock = _locked(folder)
        except LockedError:
            raise
        except StoreError:
            if made:
                with suppress(OSError):
                    folder.rmdir()
            raise
        there = sorted(p.name for p in folder.iterdir() if p.name != "run.lock")
        if there:
            lock.close()
            if "run.json" in there:
                raise StoreError(f"{folder} already holds a run: continue it with `synthkit resume {folder}`")
            raise StoreError(f"{folder} is not empty (there is {there[0]}): name a new folder for the run")
        return cls(folder, {"version": VERSION, **state}, lock)

    @classmethod
    def open(cls, folder: Path, *, write: bool = True) -> "Store":
        """An existing run folder; with `write` it is locked."""
        state = read_state(folder)
        lock = _locked(folder) if write else None
        if lock is not None:
            try:
                _wait_for_keeper(folder)
                state = read_state(folder)
            except BaseException:
                lock.close()
                raise
            for place in (".*.tmp", "parts/**/.*.tmp", "artifacts/**/.*.tmp"):
                for left in [*folder.glob(place)]:
                    left.unlink(missing_ok=True)
        return cls(folder, state, lock)

    def save(self, **changes: Any) -> None:
        """Changes run.json."""
        self.state.update(changes)
        text = json.dumps(self.state, ensure_ascii=False, indent=1)
        parts.write_atomic(self.folder / "run.json", [text.encode("utf-8", "backslashreplace")])

    def discard(self) -> None:
        """Removes from a new folder what a run begins with, where it could not begin."""
        for name in ("pipeline", "inputs"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        with suppress(OSError):
            (self.folder / "run.lock").unlink(missing_ok=True)
            self.folder.rmdir()

    def close(self) -> None:
        """Gives the lock back."""
        with self._guard:
            if self._events:
                self._events.close()
                self._events = None
        if self._lock:
            self._lock.close()
            self._lock = None

    @property
    def rounds(self) -> list[dict[str, Any]]:
        """The rounds planned so far: index, want, start; once generated `made` and `ended`; once done `accepted`."""
        found: list[dict[str, Any]] = self.state.setdefault("rounds", [])
        return found

    def stage(self, round: int | None, stage: int) -> Path:
        """The folder of a stage's parts in a round; round None is the end phase."""
        place = self.folder / "parts" / (END if round is None else f"{BODY}/{round:05d}")
        return place / f"stage-{stage:02d}"

    def places(self, stage: int) -> list[Path]:
        """The folders of a stage in all rounds, in order, the end phase last."""
        return [self.stage(r["index"], stage) for r in self.rounds] + [self.stage(None, stage)]

    def put_end_aside(self) -> None:
        """Makes room for another end phase; the old one stays for people to look at."""
        end = self.stage(None, 0).parent
        if end.exists():
            end.rename(end.with_name(f"{END}-{len(list(end.parent.glob(f'{END}-*')))}"))

    def event(self, kind: str, **data: Any) -> None:
        """Appends to the log of events: what happened on the way, with times, for people to read."""
        line = compact({"at": now(), "kind": kind, **data})
        with self._guard:
            try:
                if self._events is None:
                    self._events = (self.folder / "events.jsonl").open("a", encoding="utf-8")
                self._events.write(line + "\n")
                self._events.flush()
            except OSError:
                self._events = None  # a full disk must fail the run where it matters, not here

    def write_lines(self, path: Path, lines: Iterator[str]) -> None:
        """Writes a text file whole."""
        many = iter(lambda: "".join(f"{line}\n" for line in islice(lines, MANY)).encode(), b"")
        parts.write_atomic(path, many)


def read_state(folder: Path) -> dict[str, Any]:
    """What run.json says. Raises `StoreError` where there is no run, or one that this version cannot read."""
    path = folder / "run.json"
    try:
        state: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise StoreError(f"{folder} holds no run: there is no run.json in it{_runs_near(folder)}") from error
    except NotADirectoryError as error:
        raise StoreError(f"{folder} is a file, not a run folder") from error
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path} is damaged ({error}): it is not what synthkit wrote") from error
    found = state.get("version") if isinstance(state, dict) else None
    if isinstance(found, int) and found > VERSION:
        raise StoreError(
            f"{path} was made by a newer synthkit (run format {found}; this one reads {VERSION}): upgrade synthkit"
        )
    if found != VERSION:
        raise StoreError(f"{path} is damaged (it names no format of a run): it is not what synthkit wrote")
    lost = lost_key(state)
    if lost is not None:
        raise StoreError(f"{path} is damaged ({lost!r} is missing or wrong): it is not what synthkit wrote")
    return state


def _runs_near(folder: Path) -> str:
    near: Sequence[Path] = [folder] if folder.is_dir() else [folder.parent]
    runs = sorted(p.parent for place in near if place.is_dir() for p in place.glob("*/run.json"))
    return f"; there are {', '.join(map(str, runs[-5:]))}" if runs else ""


def holder(folder: Path) -> str | None:
    """Who holds a run folder's lock; None when nobody does."""
    try:
        with (folder / "run.lock").open(encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return lock.read().strip() or "another process"
    except OSError:
        return None
    return None


def kept_by_me(folder: Path) -> BinaryIO:
    """Takes the lock of a process that writes parts beside the one that holds the run: who goes on with it waits for
    its end. Given back when the file is closed, or the process ends."""
    lock = (folder / KEEPER).open("ab")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lock


def _wait_for_keeper(folder: Path) -> None:
    """Waits until nobody of an earlier execution can commit any more. Raises `LockedError`."""
    path = folder / KEEPER
    if not path.exists():
        return
    with path.open("ab") as lock:
        for _ in range(round(PATIENCE / PAUSE)):
            with suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            time.sleep(PAUSE)
    raise LockedError(f"{folder} is still written by a process of its last execution: wait for its end, or end its Ray")


def _locked(folder: Path) -> TextIO:
    """Takes the folder's lock, and writes down who holds it. Raises `LockedError` naming the holder, and `StoreError`
    where it cannot be written: then no lock is left that was not there before."""
    new = not os.path.lexists(folder / "run.lock")
    try:
        lock = (folder / "run.lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write in {folder}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read().strip() or "another process"
        lock.close()
        raise LockedError(f"{folder} is in use by {holder}: wait for it, or stop it first") from error
    try:
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {socket.gethostname()}, since {now()}\n")
        lock.flush()
    except OSError as error:
        if new:
            with suppress(OSError):
                (folder / "run.lock").unlink()
        with suppress(OSError):  # it tries to write once more
            lock.close()
        raise StoreError(f"cannot write in {folder}: {error.strerror or error}") from error
    return lock
