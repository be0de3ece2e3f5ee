"""What run.json holds, and of which kind: what is not so was not written by a run."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

Check = Callable[[Any], bool]
PILOT, PREVIEW = "pilot-", "preview-"
"""What the ids of runs begin with that leave no folder, but answers in the journal."""


def _is(*kinds: type) -> Check:
    """True and false are no numbers here."""
    return lambda value: isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds)


def _list(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(check(item) for item in value)


def _dict(check: Check) -> Check:
    return lambda value: isinstance(value, dict) and all(check(item) for item in value.values())


def _form(always: Mapping[str, Check], sometimes: Mapping[str, Check] | None = None) -> Check:
    """A mapping with these keys, and with others, too."""

    def check(value: Any) -> bool:
        return (
            isinstance(value, dict)
            and all(name in value and one(value[name]) for name, one in always.items())
            and all(one(value[name]) for name, one in (sometimes or {}).items() if name in value)
        )

    return check


def _any(value: Any) -> bool:
    return True


def _amount(value: Any) -> bool:
    try:
        return isinstance(value, str) and Decimal(value).is_finite()
    except InvalidOperation:
        return False


TEXT, NUMBER, YES = _is(str), _is(int), _is(bool)
TEXTS = _list(TEXT)
SPENT = _form({**dict.fromkeys(("asked", "journaled", "unpriced"), NUMBER), "tokens": _list(NUMBER), "cost": _amount})
PAID = _form(
    {
        **dict.fromkeys(("calls", "unused", "unknown", "unpriced"), NUMBER),
        **dict.fromkeys(("model", "step"), TEXT),
        **dict.fromkeys(("cost", "wasted", "most"), _amount),
        "tokens": _list(NUMBER),
    },
    dict.fromkeys(("free", "hedged"), NUMBER),
)
COUNT = _form(dict.fromkeys(("seen", "made", "out", "dropped", "failed"), NUMBER), {"spent": SPENT})
LEFT = _form({"reason": TEXT, "records": NUMBER, "first": TEXT})
ALWAYS: Mapping[str, Check] = {
    **dict.fromkeys(("status", "run", "name", "began", "project"), TEXT),
    "settings": _form(dict.fromkeys(("seed", "budget", "offline"), _any), {"exports": TEXTS}),
    "inputs": _dict(_form({"absolute": TEXT, "mark": TEXT, "kept": _is(str, type(None))})),
    "versions": _dict(_any),
    "pipeline": _list(_any),
    "exports": TEXTS,
    "rounds": _list(
        _form(
            {"index": NUMBER, "want": NUMBER, "start": NUMBER},
            {"made": NUMBER, "accepted": NUMBER, "ended": YES, "retry": YES},
        )
    ),
}
SOMETIMES: Mapping[str, Check] = {
    "reason": TEXT,
    "ray": _is(str, type(None)),
    "runtime_env": _is(str, type(None)),
    "ended": _is(str, type(None)),
    "target": _is(int, type(None)),
    "source": _is(str, type(None)),
    "parameters": _dict(_any),
    "bill": _form({"lines": _list(PAID), "cut_off": _amount}),
    "notes": TEXTS,
    "dropped_wishes": _dict(TEXTS),
    "journal": _form({}, {"folder": TEXT, "problems": TEXTS}),
    "totals": _dict(COUNT),
    "unfinished": lambda value: value is None or SPENT(value),
    "written": _list(
        _form(
            {"path": TEXT, "format": TEXT, "written": NUMBER},
            {"part": TEXT, "left_out": _list(LEFT), "notes": TEXTS},
        )
    ),
}


def lost_key(state: Mapping[str, Any]) -> str | None:
    """The first key of run.json that is missing or of a wrong kind."""
    for name, check in ALWAYS.items():
        if name not in state or not check(state[name]):
            return name
    wrong = (name for name, check in SOMETIMES.items() if name in state and not check(state[name]))
    return next(wrong, None) or (None if _shaped(state.get("shape")) else "shape")


def _shaped(shape: Any) -> bool:
    """Whether the steps by stage can be read."""
    if not isinstance(shape, dict) or shape.keys() != {"generator", "stages", "end", "target"}:
        return False
    stages: Sequence[Any] = shape["stages"]
    return (
        TEXT(shape["generator"])
        and NUMBER(shape["end"])
        and _is(int, type(None))(shape["target"])
        and _list(TEXTS)(stages)
        and 0 < shape["end"] <= len(stages)
    )
