"""The example in a component's docstring as a pipeline file, and as a pipeline."""

import ast
import builtins
import importlib
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

from synthkit.errors import PluginError
from synthkit.plugins.describe import Description, home
from synthkit.plugins.layout import WIDEST, laid_out, steps_of
from synthkit.plugins.registry import Registry

STANDARD = {"Path": "pathlib", "json": "", "re": ""}
"""What examples use of the standard library, and where it is; modules are nowhere."""


def pipeline_file(description: Description, names: Registry) -> str:
    """The example as a whole pipeline file. Raises `PluginError` where there is none, or where it is no Python."""
    claim, text = description.claim, description.doc.example
    if not text:
        raise PluginError(f"{claim} has no example: its docstring would have one under `Example:`")
    try:
        body = ast.parse(text).body
    except SyntaxError as error:
        raise PluginError(f"the example of {claim} is no Python: line {error.lineno}: {error.msg}") from error
    if not body or not isinstance(body[-1], ast.Expr):
        raise PluginError(f"the example of {claim} does not end with a pipeline: write Pipeline(…) >> … last")
    above = [node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    inside = [node for node in body[:-1] if node not in above and not isinstance(node, ast.Import | ast.ImportFrom)]
    own = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    blocks = [
        f'"""An example of `{claim.name}`."""',
        _imports(body, own, text, description, names),
        *(f"\n{_source(text, node)}" for node in above),
        "\ndef pipeline() -> Pipeline:",
    ]
    statements = [*(_source(text, node) for node in inside), _returned(_source(text, body[-1]))]
    return laid_out("\n\n".join(blocks) + "\n" + textwrap.indent("\n".join(statements), "    ") + "\n")


def _source(text: str, node: ast.stmt) -> str:
    """The lines of a statement, with its decorators and the comments in it."""
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
    return "\n".join(text.split("\n")[first - 1 : node.end_lineno])


def _returned(text: str) -> str:
    if "\n" not in text and len(f"    return {text}") > WIDEST:
        text = "\n".join(steps_of(text))
    if "\n" not in text or text.startswith("("):
        return f"return {text}"
    return f"return (\n{textwrap.indent(text, '    ')}\n)"


def _imports(
    body: Sequence[ast.stmt], own: Sequence[ast.stmt], text: str, description: Description, names: Registry
) -> str:
    """The lines that import what the example uses: the standard library's, then ours by module."""
    used = {"Pipeline"} | {n.id for node in body for n in ast.walk(node) if isinstance(n, ast.Name)}
    bound = {n.id for node in body for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    bound |= {n.arg for node in body for n in ast.walk(node) if isinstance(n, ast.arg)}
    bound |= {n.name for n in body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    bound |= {a.asname or a.name for n in own if isinstance(n, ast.Import | ast.ImportFrom) for a in n.names}
    plain, found = [_source(text, node) for node in own], dict[str, set[str]]()
    for name in sorted(used - bound):
        module = _module_of(name, description, names)
        if module:
            found.setdefault(module, set()).add(name)
        elif module == "":
            plain.append("import synthkit as sk" if name == "sk" else f"import {name}")
    lines = [f"from {module} import {', '.join(sorted(found[module]))}" for module in sorted(found)]
    first = [line for line in (*plain, *lines) if line.split()[1].partition(".")[0] in sys.stdlib_module_names]
    rest = [line for line in (*plain, *lines) if line not in first]
    return "\n\n".join("\n".join(block) for block in (first, rest) if block)


def _module_of(name: str, description: Description, names: Registry) -> str | None:
    """Where a name of an example is to be had: "" for a module, None where nobody has it (or Python itself)."""
    facade = importlib.import_module("synthkit")
    if name == "sk" or name in STANDARD:
        return STANDARD.get(name, "")
    if name == description.cls.__name__:
        return description.home
    if name in facade.__all__:
        return "synthkit"
    for claim in names.claims():
        if claim.target.rpartition(":")[2] == name:
            return home(names.class_of(claim))
    beside = getattr(sys.modules.get(description.cls.__module__), name, None)
    if beside is None or hasattr(builtins, name):
        return None
    return home(beside) if isinstance(beside, type) else description.cls.__module__


def pipeline_of(text: str) -> Any:
    """The pipeline of a pipeline file's text; what it writes goes into a folder that is gone afterwards."""
    space: dict[str, Any] = {"__name__": "synthkit_example"}
    exec(compile(text, "<example>", "exec"), space)  # the code of an installed class, which is imported already
    return space["pipeline"]()
