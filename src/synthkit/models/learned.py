"""What services were found not to take: sampling options, by model.

A request is put together from what is known, and its journal key hangs on it; so what one run learns, all later ones
must know, or they would not find their answers. Hence a file beside the journal.
"""

import fcntl
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from synthkit.errors import JournalError


class Learned:
    """The options that each model refuses, as in {"openai/o9": ["temperature"]}."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = self._read()
        self.tell: Callable[[str, str], None] = _nobody
        """To be told of each option that is new here. Who works on several nodes sets it."""

    def options(self, model: str) -> frozenset[str]:
        """Those that this model, named with its endpoint, was found to refuse."""
        return self._known.get(model, frozenset())

    def add(self, model: str, option: str) -> None:
        """Keeps another one, beside what other processes have found meanwhile."""
        if option in self.options(model):
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.with_suffix(".lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                known = dict(self._read())
                known[model] = known.get(model, frozenset()) | {option}
                self._write({name: sorted(options) for name, options in sorted(known.items())})
        except OSError as error:
            raise JournalError(f"{self._path} cannot be written: {error.strerror or error}") from error
        self._known = known
        self.tell(model, option)

    def _write(self, form: Mapping[str, list[str]]) -> None:
        aside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with aside.open("w", encoding="utf-8") as file:
            json.dump(form, file, indent=1, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._path)

    def _read(self) -> Mapping[str, frozenset[str]]:
        try:
            given = json.loads(self._path.read_bytes())
            if not all(isinstance(options, list) for options in given.values()):
                raise TypeError("no lists")
            return {name: frozenset(map(str, options)) for name, options in given.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise JournalError(
                f"{self._path} cannot be read ({type(error).__name__}): it says which options models refuse; "
                "delete it, and it is learnt again"
            ) from error


def _nobody(model: str, option: str) -> None:
    """Nobody else wants to know."""
