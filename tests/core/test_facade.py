"""The public surface: what `synthkit` and `synthkit.core` export, and that looking at it costs nothing."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import synthkit
import synthkit.core

SOURCE = Path(synthkit.__file__)


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_all_is_sorted_and_complete() -> None:
    assert synthkit.__all__ == sorted(synthkit.__all__, key=lambda name: (not name.isupper(), name[0].islower(), name))
    assert len(set(synthkit.__all__)) == len(synthkit.__all__)
    assert set(dir(synthkit)) == {*synthkit.__all__, "errors"}


def test_every_name_can_be_had() -> None:
    for name in synthkit.__all__:
        assert getattr(synthkit, name) is not None
    for name in ("Manager", "_private", "core_"):
        with pytest.raises(AttributeError, match=f"module 'synthkit' has no attribute '{name}'"):
            getattr(synthkit, name)


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(SOURCE.read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    seen = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names:
            assert alias.asname == alias.name, f"write `{alias.name} as {alias.name}`"
            seen[alias.name] = node.module
    assert sorted(seen) == sorted(synthkit.__all__)
    for name, module in seen.items():
        assert getattr(importlib.import_module(module), name) is getattr(synthkit, name)


def test_the_facade_has_all_that_core_exports_for_authors() -> None:
    internal = {"Message", "Messages", "OnLength", "Schema", "chain", "render"}
    assert set(synthkit.core.__all__) - set(synthkit.__all__) == internal
    for name in synthkit.core.__all__:
        assert hasattr(synthkit.core, name)


def test_importing_costs_nothing() -> None:
    heavy = ("pydantic", "openai", "anthropic", "polars", "ray", "jinja2", "rich", "datasketch", "pluggy", "asyncio")
    code = f"import sys, synthkit; dir(synthkit); print([m for m in {heavy!r} if m in sys.modules])"
    assert run(code) == "[]"


def test_the_contracts_cost_only_pydantic() -> None:
    heavy = ("openai", "anthropic", "polars", "ray", "jinja2", "rich", "datasketch", "aiohttp", "json_repair", "httpx2")
    code = (
        "import sys, synthkit as sk\n"
        "@sk.step(reads='x', writes='y')\n"
        "def f(record): return {'y': 1}\n"
        "sk.Pipeline('p') >> f >> sk.Prompt(model='m', template='{{ x }}') >> sk.AtLeast(least=1)\n"
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    assert run(code) == "[]"


def test_names_come_with_a_star_and_errors_with_a_dot() -> None:
    assert (
        run("from synthkit import *; print(Pipeline.__name__, filter.__module__)") == "Pipeline synthkit.core.functions"
    )
    assert run("import synthkit; print(synthkit.errors.RecordError.reason)") == "error"
