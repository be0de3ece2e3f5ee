"""What a function's code and signature tell about the columns it reads and makes."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_origin

RECORD = ("record", "row", "example")
"""What the one parameter of a function is called that takes the whole record."""
TYPES = (str, int, float, bool, list, dict)
NESTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


@dataclass(frozen=True)
class Call:
    """How a function is called.

    record: the parameter that takes the whole record, if one does. columns: else the parameters, with the types that
    they are declared to have. optional: those that have a default. None altogether where the signature is not known.
    """

    record: str | None
    columns: dict[str, type]
    optional: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """What is written in a function: the columns that it takes from a record, those it takes if they are there, those
    that it would set in the record itself; the keys of all mappings that it returns and of some, and whether it returns
    lists of them.

    writes is None where not all that it returns can be read off its code.
    """

    reads: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    writes: tuple[str, ...] | None = None
    maybe: tuple[str, ...] = ()
    fans_out: bool = False


@lru_cache(256)
def call_of(function: Callable[..., Any]) -> Call | None:
    """How a function written in Python is called; None for any other."""
    if not inspect.isfunction(inspect.unwrap(function)):
        return None
    try:
        parameters = inspect.signature(function, eval_str=True).parameters.values()
    except NameError:  # a type of a module that is imported for the type checker only
        parameters = inspect.signature(function).parameters.values()
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    if any(parameter.kind not in named for parameter in parameters):
        return None
    needed = [parameter.name for parameter in parameters if parameter.default is parameter.empty]
    if len(needed) == 1 and needed[0] in RECORD:
        return Call(needed[0], {}, ())
    types = {parameter.name: _type(parameter.annotation) for parameter in parameters}
    return Call(None, types, tuple(name for name in types if name not in needed))


def _type(annotation: Any) -> type:
    kind = get_origin(annotation) or annotation
    return kind if kind in TYPES else object


@lru_cache(256)
def code_of(function: Callable[..., Any]) -> Code:
    """What a function's source tells; nothing where there is none."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):  # a builtin, a line typed into a plain prompt, a part of an expression
        return Code()
    body = next((node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)), None)
    call = call_of(function)
    if body is None or call is None:
        return Code()
    reads, optional, sets = _taken(body, call.record) if call.record else ((), (), ())
    made = [keys for value, many in _returned(body) for keys in _mappings(value, many, call.record)]
    if not made or None in made:
        return Code(reads, optional, sets)
    every = [keys for keys, _ in filter(None, made)]
    names = dict.fromkeys(name for keys in every for name in keys)
    sure = tuple(name for name in names if all(name in keys for keys in every))
    maybe = tuple(name for name in names if name not in sure)
    return Code(reads, optional, sets, sure, maybe, any(many for _, many in filter(None, made)))


def _taken(body: ast.AST, record: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The keys by which the record is asked: surely, and with a question whether they are there; and those it sets."""
    sure, asked, sets = dict[str, None](), dict[str, None](), dict[str, None]()
    for node in ast.walk(body):
        match node:
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(key)), ctx=use) if name == record:
                (sure if isinstance(use, ast.Load) else sets)[key] = None
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=name), attr="get"), args=[ast.Constant(value=str(key)), *_]
            ) if name == record:
                asked[key] = None
            case ast.Compare(left=ast.Constant(value=str(key)), comparators=[ast.Name(id=name)]) if name == record:
                asked[key] = None
    return tuple(key for key in sure if key not in asked), tuple(asked), tuple(sets)


def _returned(body: ast.AST) -> Iterator[tuple[ast.AST, bool]]:
    """What is returned, and what is yielded (then it is one of many); not by functions inside."""
    for node in ast.iter_child_nodes(body):
        if isinstance(node, NESTED):
            continue
        if isinstance(node, ast.Return) and node.value is not None:
            yield node.value, False
        elif isinstance(node, ast.Yield) and node.value is not None:
            yield node.value, True
        elif isinstance(node, ast.YieldFrom):
            yield ast.Name("?"), True
        yield from _returned(node)


def _mappings(value: ast.AST, many: bool, record: str | None) -> Iterator[tuple[tuple[str, ...], bool] | None]:
    """The keys of each mapping that is written down there, and whether it is one of many; None for what is none."""
    match value:
        case ast.Dict(keys=keys, values=values):
            named = [key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]
            # {**record, "n": 1} makes the column n
            spread = [v for k, v in zip(keys, values, strict=True) if k is None]
            own = all(isinstance(v, ast.Name) and v.id == record for v in spread)
            yield (tuple(named), many) if own and len(named) + len(spread) == len(keys) else None
        case ast.List(elts=entries):
            for entry in entries:
                yield from _mappings(entry, True, record)
        case ast.ListComp(elt=entry) | ast.GeneratorExp(elt=entry):
            yield from _mappings(entry, True, record)
        case ast.IfExp(body=first, orelse=second):
            yield from _mappings(first, many, record)
            yield from _mappings(second, many, record)
        case _:
            yield None
