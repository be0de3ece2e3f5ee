"""What lanes tell, once a second, and what that comes to together: for displays, limits and the bill."""

import asyncio
import contextlib
import sys
from collections import Counter
from collections.abc import Sequence

from synthkit.engine.cluster.duty import Pulse
from synthkit.engine.cluster.fleet import Remote
from synthkit.engine.cluster.lane import LEARNED
from synthkit.engine.monitor import Monitor
from synthkit.engine.store import Store
from synthkit.engine.tally import Tally, without
from synthkit.models.bill import Bill
from synthkit.models.hindrance import Hindrance
from synthkit.models.service import Services


class Reports:
    """The last pulse of each lane of a run, and what lanes came to that are no more. It writes the monitor and the bill
    of the run, and its events."""

    def __init__(self, store: Store, services: Services, monitor: Monitor, bill: Bill) -> None:
        self._store, self._services, self._monitor, self._bill = store, services, monitor, bill
        self._told: dict[str, Pulse] = {}
        self._base = bill.copy()
        self._ended, self._failed = monitor.ended, monitor.failed
        self._failures: Counter[tuple[str, str]] = Counter()
        self._counted = 0.0

    @property
    def in_flight(self) -> int:
        """Calls that are being answered right now. May be read from any thread."""
        return sum(told.in_flight for told in list(self._told.values()))

    @property
    def hindrances(self) -> Sequence[Hindrance]:
        """What holds calls back right now, each thing once. May be read from any thread."""
        found: dict[tuple[str, str], Hindrance] = {}
        for told in list(self._told.values()):
            for hindrance in told.hindrances:
                found.setdefault((hindrance.model, hindrance.kind), hindrance)
        return list(found.values())

    @property
    def age(self) -> float:
        """Seconds since all was added up."""
        return asyncio.get_running_loop().time() - self._counted

    def take(self, lane: Remote, told: Pulse) -> None:
        """Takes down what a lane tells."""
        self._told[lane.name] = told
        self._moved(lane, {})
        for failure, message in told.messages.items():
            self._monitor.messages.setdefault(failure, message)
        for kind, data in told.events:
            if kind == LEARNED:
                self._services.learned.add(data["model"], data["option"])
            self._store.event(kind, **{"lane": lane.name, **data})
        for line in told.said:
            with contextlib.suppress(OSError, ValueError):  # nobody listens any more
                sys.stderr.write(f"{lane.name}: {line}\n")
        for ref, options in told.refused.items():
            self._services[ref].refused |= options

    def committed(self, lane: Remote, tally: Tally) -> None:
        """A lane has committed something."""
        self._moved(lane, tally)

    def _moved(self, lane: Remote, tally: Tally) -> None:
        done = {label: count.seen for label, count in lane.committed.items()}
        told = lane.told.finished if lane.told else {}
        finished = {label: max(0, number - done.get(label, 0)) for label, number in told.items()}
        left = without(lane.told.tally, lane.committed) if lane.told else {}
        self._monitor.move(id(lane), tally, left, finished)

    def settle(self, lane: Remote, tally: Tally) -> None:
        """A lane is no more. tally: what it has committed."""
        if told := self._told.pop(lane.name, None):
            self._base.add(told.bill)
            self._failures.update(told.failures)
        self._monitor.open.pop(id(lane), None)
        self._monitor.elsewhere.pop(id(lane), None)
        self._failed += sum(count.failed for count in tally.values())
        self._ended += sum(count.failed + count.dropped for count in tally.values())
        self._ended += max((count.out for count in tally.values()), default=0)

    def count(self) -> None:
        """Adds up what all lanes have told: not at each pulse, which with many lanes would be most of the work."""
        self._counted = asyncio.get_running_loop().time()
        told = [pulse for _, pulse in sorted(self._told.items())]
        self._monitor.failed = self._failed + sum(pulse.failed for pulse in told)
        self._monitor.ended = self._ended + sum(pulse.ended for pulse in told)
        self._monitor.away = sum(pulse.under_way for pulse in told)
        failures, bill = Counter(self._failures), self._base.copy()
        for pulse in told:
            failures.update(pulse.failures)
            bill.add(pulse.bill)
        self._monitor.failures, self._bill.lines = failures, bill.lines
