"""Every error that synthkit raises, as one tree.

    SynthkitError
    ├── UsageError                what the user wrote cannot run; nothing was called (exit code 2)
    │   ├── ConfigError           synthkit.toml, the environment, an option
    │   ├── PipelineError         the pipeline file, or its plan: `problems` holds them all
    │   ├── PluginError           a plugin that is broken, misspelt or clashes
    │   └── InputError            a data file: which file, which line
    ├── RunError                  a run that cannot go on (exit code 1)
    │   ├── LockedError           somebody else holds the folder
    │   ├── StoreError            a write failed: disk full, no permission
    │   └── JournalError          the journal cannot be read or written
    └── RecordError               one record fails, the run goes on
        ├── ColumnError           a column is missing, undeclared, or not of the declared type
        ├── AnswerError           an answer that does not parse, or a refusal
        └── CallError             a call to a model service
            ├── TransientError    worth another try: `retry_after` may say when
            │   ├── RateLimited
            │   ├── Overloaded
            │   ├── ServerError
            │   ├── CallTimeout
            │   ├── ConnectionLost
            │   └── BrokenBody    answered with something that is no answer: cut JSON, HTML, nothing
            ├── BadRequest        the service refuses this request
            │   └── OptionRefused this model takes no such sampling option: a wish is dropped
            ├── ContextTooLong
            ├── ContentFiltered
            └── FatalError        no call of this run can succeed: the run stops
                ├── BadKey
                ├── NoSuchModel
                ├── OutOfQuota        nothing left at the service
                ├── OutOfBudget       nothing left of the run's own budget
                ├── NotInJournal  `--offline`, and the journal has no answer
                ├── Unreachable   a service that never answered well
                └── Outage        a service that answers nothing good any more
A `RecordError` carries a `reason`: a code with few values, counted in the funnel.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

E = TypeVar("E", bound="SynthkitError")


class SynthkitError(Exception):
    """The root. Its text is one sentence a user can act on. It travels between processes whole (but for its cause), in
    a subclass with another `__init__` too."""

    exit_code = 1

    def __reduce__(self) -> tuple[Any, ...]:
        return _as_it_was, (type(self), self.args), self.__dict__ or None


def _as_it_was(cls: type[E], args: tuple[Any, ...]) -> E:
    """An error without asking its `__init__`, which may take something else than the text it made of that."""
    error = cls.__new__(cls, *args)
    error.args = args
    return error


class UsageError(SynthkitError):
    """What the user wrote cannot run."""

    exit_code = 2


class ConfigError(UsageError):
    """synthkit.toml, the environment or an option is wrong; `problems` holds a sentence for each."""

    def __init__(self, *problems: str) -> None:
        self.problems: Sequence[str] = problems
        super().__init__("\n".join(problems))


class PipelineError(UsageError):
    """A pipeline that cannot be loaded or does not pass the check; `problems` holds a sentence for each."""

    def __init__(self, *problems: str) -> None:
        self.problems: Sequence[str] = problems
        super().__init__("\n".join(problems))


class PluginError(UsageError):
    """A plugin is broken, misspells a hook, or clashes with another."""


class InputError(UsageError):
    """A data file cannot be read as what it should be; names the file and the line."""


class RunError(SynthkitError):
    """A run that cannot go on."""


class LockedError(RunError):
    """Another process holds this run folder."""


class StoreError(RunError):
    """A write failed. What was committed before is safe."""


class JournalError(RunError):
    """The journal cannot be read or written."""


class RecordError(SynthkitError):
    """One record fails; the run goes on. Steps may raise it with a reason of their own."""

    reason = "error"

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        if reason is not None:
            self.reason = reason


class ColumnError(RecordError):
    """A column is missing, was not declared, or is not of the declared type."""

    reason = "column"


class AnswerError(RecordError):
    """An answer that does not parse or does not fit its schema."""

    reason = "unfit answer"


class CallError(RecordError):
    """A call to a model service failed for good. `free`: whether the attempt surely cost nothing, as with every request
    that a service refuses; a request whose answer was lost may be billed all the same. `body`: what came in place of an
    answer, where that may be billed: it is kept, and what it tells of tokens counts."""

    reason = "call"
    free = True
    body: str | None = None

    def __init__(self, message: str, *, reason: str | None = None, free: bool | None = None) -> None:
        super().__init__(message, reason=reason)
        if free is not None:
            self.free = free


class TransientError(CallError):
    """Another try may succeed. `retry_after` is the delay in seconds that the service asked for, if it did."""

    def __init__(
        self, message: str, *, retry_after: float | None = None, reason: str | None = None, free: bool | None = None
    ) -> None:
        super().__init__(message, reason=reason, free=free)
        self.retry_after = retry_after


class RateLimited(TransientError):
    """Too many requests or tokens a minute."""

    reason = "rate limit"


class Overloaded(TransientError):
    """The service is overloaded (503, 529)."""

    reason = "overloaded"


class ServerError(TransientError):
    """The service failed (5xx)."""

    reason = "server error"


class CallTimeout(TransientError):
    """No whole answer within the deadline."""

    reason = "timeout"
    free = False


class ConnectionLost(TransientError):
    """The connection could not be made, or broke."""

    reason = "connection"
    free = False


class BrokenBody(TransientError):
    """A reply that is no answer: cut JSON, HTML, nothing at all."""

    reason = "broken body"
    free = False


class BadRequest(CallError):
    """The service refuses this request as it is."""

    reason = "bad request"


class OptionRefused(BadRequest):
    """The model does not take a sampling option, or not with this value. `option` is its common name."""

    def __init__(self, message: str, *, option: str) -> None:
        super().__init__(message)
        self.option = option


class ContextTooLong(CallError):
    """The request does not fit the model's context."""

    reason = "context too long"


class ContentFiltered(CallError):
    """The service's content filter refuses this request or its answer."""

    reason = "content filter"


class FatalError(CallError):
    """No call of this run can succeed; the run stops at once and can be resumed."""

    reason = "stopped"


class BadKey(FatalError):
    """The key is missing, wrong, or may not do this."""


class NoSuchModel(FatalError):
    """The service does not know the model."""


class OutOfQuota(FatalError):
    """Nothing is left to spend at the service; waiting does not help."""


class OutOfBudget(FatalError):
    """The run's own budget is used up, or cannot be kept for a model without a price."""


class NotInJournal(FatalError):
    """Offline, and the journal has no answer to this request."""


class Unreachable(FatalError):
    """Several calls have used up their tries and the service has never answered well."""


class Outage(FatalError):
    """A service has answered nothing good for longer than the run waits."""
