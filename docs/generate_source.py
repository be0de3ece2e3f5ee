"""Classes and functions of a module as Markdown: signatures as they are written, docstrings, attributes, methods."""

import ast
import importlib
import inspect
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from types import ModuleType
from typing import Any

from generate_components import block, filled, prose

from synthkit.plugins.docstrings import attribute_docs, parse

LONG = 12
"""Lines from which on of a constant only the type is shown."""


def member(module: ModuleType, name: str, level: int) -> Iterator[str]:
    """What is to be said of one exported name."""
    found = getattr(module, name)
    yield f"{'#' * level} {name}"
    if isinstance(found, type):
        yield from _class(found, name, level)
    elif inspect.isroutine(found):
        yield _python(_signature(found))
        yield from _paragraphs(inspect.cleandoc(found.__doc__ or ""), _arguments(found))
    else:
        yield from _value(name, module)


def _class(cls: type, name: str, level: int) -> Iterator[str]:
    bases = [base.__name__ for base in cls.__bases__ if base.__name__ not in ("object", "ABC", "BaseModel")]
    fields = _fields(cls)
    own = vars(cls).get("__init__")
    yield _python(f"class {name}{f'({chr(44).join(bases)})' if bases else ''}" + _made_of(cls, fields))
    arguments = _arguments(own) if inspect.isfunction(own) else ()
    properties = {n: m for n, m in vars(cls).items() if isinstance(m, property | cached_property) and n[0] != "_"}
    names = {*fields, *arguments, *properties, *(n for n in vars(cls).get("__annotations__", {}) if n[0] != "_")}
    yield from _paragraphs(inspect.cleandoc(vars(cls).get("__doc__") or ""), sorted(names))
    rows = {n: said for n, said in attribute_docs(cls).items() if n[0] != "_"}
    rows |= {n: _doc_of(_function(m)) for n, m in properties.items() if _doc_of(_function(m))}
    if rows:
        yield f"**Attributes**\n\n{_list(rows)}"
    for attribute, member in vars(cls).items():
        function = _function(member)
        if function is not None and attribute[0] != "_" and attribute not in properties and _doc_of(function):
            yield f"{'#' * (level + 1)} {name}.{attribute}"
            yield _python(_signature(function))
            yield from _paragraphs(inspect.cleandoc(function.__doc__ or ""), _arguments(function))


def _doc_of(function: Any) -> str:
    return " ".join((function.__doc__ or "").split())


def _list(rows: Mapping[str, str]) -> str:
    return "\n".join(filled(f"- **`{name}`**: {said[:1].upper()}{said[1:]}") for name, said in rows.items())


def _function(member: Any) -> Any:
    """The function behind an attribute of a class, if there is one."""
    if isinstance(member, property):
        return member.fget
    if isinstance(member, cached_property):
        return member.func
    if isinstance(member, classmethod | staticmethod):
        return member.__func__
    return member if inspect.isfunction(member) else None


def _paragraphs(doc: str, names: Sequence[str]) -> Iterator[str]:
    """A docstring, with the meanings of parameters as a list."""
    found = parse(doc, names)
    yield from (block(text) for text in found.text if text)
    if found.meanings:
        yield _list(found.meanings)
    if found.example:
        yield _python(found.example)


def _fields(cls: type) -> Mapping[str, str]:
    """The attributes that a class declares, as they are written."""
    tree, source = _tree(cls)
    return {
        node.target.id: textwrap.dedent(ast.get_source_segment(source, node) or "")
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id[0] != "_"
    }


def _made_of(cls: type, fields: Mapping[str, str]) -> str:
    own = vars(cls).get("__init__")
    lines = list(fields.values())
    if inspect.isfunction(own) and own.__module__ == cls.__module__ and not hasattr(cls, "__dataclass_fields__"):
        lines.append(("\n" if fields else "") + _signature(own))
    return ":\n" + textwrap.indent("\n".join(lines), "    ") if lines else ""


def _tree(thing: Any) -> tuple[Any, str]:
    """The definition of a class or function, and its source."""
    source = textwrap.dedent(inspect.getsource(thing))
    return ast.parse(source).body[0], source


def _arguments(function: Any) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]


def _signature(function: Any) -> str:
    """As it is written, on several lines where it is long."""
    node, source = _tree(function)
    head = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returns = f" -> {_type(node.returns, source)}" if node.returns else ""
    parts = list(_written(node.args, source))
    line = f"{head} {node.name}({', '.join(parts)}){returns}"
    if len(line) <= 72:  # what a page shows without scrolling
        return line
    return f"{head} {node.name}(\n    {f',{chr(10)}    '.join(parts)},\n){returns}"


def _written(arguments: ast.arguments, source: str) -> Iterator[str]:
    """The arguments as they are written, without `self`."""
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + arguments.defaults
    for number, (argument, default) in enumerate(zip(plain, defaults, strict=True), 1):
        if argument.arg not in ("self", "cls"):
            yield _argument(argument, default, source)
        if number == len(arguments.posonlyargs) and plain[0].arg not in ("self", "cls"):
            yield "/"
    if arguments.vararg or arguments.kwonlyargs:
        yield f"*{_argument(arguments.vararg, None, source)}" if arguments.vararg else "*"
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _argument(argument, default, source)
    if arguments.kwarg:
        yield f"**{_argument(arguments.kwarg, None, source)}"


def _argument(argument: ast.arg, default: ast.expr | None, source: str) -> str:
    kind = f": {_type(argument.annotation, source)}" if argument.annotation else ""
    given = "" if default is None else f"{' = ' if kind else '='}{ast.get_source_segment(source, default)}"
    return f"{argument.arg}{kind}{given}"


def _type(node: ast.expr, source: str) -> str:
    """As it is written, without the quotes of what is imported for type checkers only."""
    return str(node.value) if isinstance(node, ast.Constant) else ast.get_source_segment(source, node) or ""


def _python(text: str) -> str:
    return f"```python\n{text}\n```"


def _value(name: str, module: ModuleType) -> Iterator[str]:
    """A constant, or the name of a type, with the docstring beneath it."""
    source = inspect.getsource(_defining(name, module))
    body = ast.parse(source).body
    for node, following in zip(body, [*body[1:], None], strict=True):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            text = ast.get_source_segment(source, node) or ""
            yield _python(text if text.count("\n") < LONG else text.partition(" = ")[0])
            if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
                yield prose(str(following.value.value))


def _defining(name: str, module: ModuleType) -> ModuleType:
    """The module that assigns a name, behind those that import it from each other."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom) and node.module and name in (alias.name for alias in node.names):
            return _defining(name, importlib.import_module(node.module))
    return module
