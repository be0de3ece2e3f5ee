"""What a run is told besides its pipeline."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any

from synthkit.core.source import Skipped
from synthkit.engine.export import share_of
from synthkit.engine.monitor import Monitor
from synthkit.errors import ConfigError

ENOUGH = 5
"""Failures below which a share of them says nothing."""
MOST = 1_000_000_000
"""Dollars."""
LONGEST = 300
"""Characters of a message that is told where a run stops."""
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
"""Seconds."""


@dataclass(frozen=True)
class Settings:
    """concurrency: calls in flight for each model, where its own entry says nothing. max_failures: a count (10) or
    a share ("20%") of records that may fail. budget: dollars. shard: records that are committed together. on_bad_line:
    "fail", or "skip" to leave out lines of input files that are no records. split: the share of exported records that
    is for training; the others are for validation. give_up_after: how long a service may answer nothing good, as in
    "90s", "10m" or "2h". hedge: whether a call that takes far too long is sent a second time."""

    seed: int = 0
    concurrency: int = 64
    max_failures: str = "20%"
    max_rounds: int | None = None
    budget: str | None = None
    offline: bool = False
    on_bad_line: str = "fail"
    shard: int = 256
    exports: Sequence[str] = ()
    split: float | None = None
    give_up_after: str = "10m"
    hedge: bool = True

    def __post_init__(self) -> None:
        for name in ("concurrency", "shard"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}: give 1 or more")
        if self.max_rounds is not None and self.max_rounds < 1:
            raise ConfigError(f"max_rounds is {self.max_rounds}: give 1 or more")
        if self.on_bad_line not in ("fail", "skip"):
            raise ConfigError(f"on_bad_line is {self.on_bad_line!r}: give fail or skip")
        share_of(self.split)
        self.limit()
        self.dollars()
        self.patience()

    def form(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "exports": list(self.exports)}

    @classmethod
    def of(cls, form: Mapping[str, Any]) -> "Settings":
        known = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in form.items() if name in known})

    def skipped(self) -> Skipped | None:
        """Where bad lines are noted, if they are left out."""
        return Skipped() if self.on_bad_line == "skip" else None

    def dollars(self) -> Decimal | None:
        """The budget."""
        if self.budget is None:
            return None
        try:
            amount = Decimal(str(self.budget).removeprefix("$"))
        except InvalidOperation as error:
            raise ConfigError(f"budget {self.budget!r} is no amount of dollars: write 5 or 0.50") from error
        if not amount.is_finite() or amount <= 0:
            raise ConfigError(f"budget {self.budget!r} is not more than 0 dollars")
        if amount > MOST:
            raise ConfigError(f"budget {self.budget!r} is more than {MOST:,} dollars: give what may really be spent")
        return amount

    def patience(self) -> float:
        """Seconds until a service that answers nothing good is given up."""
        found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([smh]?)", str(self.give_up_after).strip())
        if not found or not float(found[1]):
            raise ConfigError(f"give_up_after {self.give_up_after!r} is no time: write 90s, 10m or 2h")
        return float(found[1]) * UNITS[found[2]]

    def limit(self) -> "Failures":
        """The failures that may be."""
        text = str(self.max_failures).strip()
        try:
            if text.endswith("%"):
                share = float(text[:-1]) / 100
            elif "." in text:
                share = float(text)
            else:
                count = int(text)
                if count < 0:
                    raise ConfigError(f"max_failures {text!r} is less than none: give 0 or more")
                return Failures(count=count)
        except ValueError as error:
            raise ConfigError(f"max_failures {text!r} is neither a count (10) nor a share (20% or 0.2)") from error
        if not 0 <= share <= 1:
            raise ConfigError(f"max_failures {text!r} is a share that is not between 0 and 100 %")
        return Failures(share=share)


@dataclass(frozen=True)
class Failures:
    """The limit on failed records: by count, or by share of those that ended."""

    count: int | None = None
    share: float = 1.0

    def __call__(self, monitor: Monitor, *, last: bool = False) -> str | None:
        """The sentence that stops the run, once there are too many. A share is taken of 50 records or more, and of
        all of them at the end of a stage (`last`); a few failures are no share, unless nothing else came of it."""
        failed, ended = monitor.failed, monitor.ended
        if self.count is not None:
            said = f"{_records(failed)} failed, more than {self.count}"
            return said + _mostly(monitor) if failed > self.count else None
        few = failed < ENOUGH and not (last and failed == ended > 0)
        if few or not (last or ended >= 50) or failed <= self.share * ended:
            return None
        said = f"{failed:,} of {_records(ended)} failed ({failed / ended:.0%}), more than {self.share:.0%}"
        return said + _mostly(monitor)


def _records(number: int) -> str:
    return f"{number:,} record{'' if number == 1 else 's'}"


def _mostly(monitor: Monitor) -> str:
    """What most of them failed of: where, and with which message."""
    if not monitor.failures:
        return ""
    (step, reason), number = monitor.failures.most_common(1)[0]
    message = monitor.messages[step, reason]
    said = f": {'all' if number == monitor.failed else f'{number:,}'} of them at {step}, {reason}"
    return f"{said}: {message if len(message) <= LONGEST else message[:LONGEST] + '…'}" if message else said
