"""What synthkit registers itself."""

import ast
from pathlib import Path

import pytest

from synthkit.plugins import builtins, load
from synthkit.plugins.registry import KINDS

REGISTRY = load([], {})
NAMES = [(kind, name) for kind in KINDS for name in REGISTRY.names(kind)]


def test_the_names_are_those() -> None:
    assert REGISTRY.problems == []
    assert {kind: REGISTRY.names(kind) for kind in KINDS} == {
        "generator": ["load-documents", "load-records", "rows"],
        "step": [
            "balance-by",
            "drop",
            "each",
            "embed",
            "expand",
            "flatten",
            "fork",
            "gather",
            "group",
            "keep",
            "limit",
            "loop",
            "map",
            "prompt",
            "rename",
            "repeat",
            "route",
            "sample",
            "shuffle",
            "sort",
            "split",
            "template",
            "top-k",
        ],
        "filter": ["agrees", "at-least", "exact-dedup", "min-hash-dedup", "rules"],
        "judge": ["pairwise", "rubric"],
        "technique": ["classification", "evol-instruct", "few-shot", "passage-questions", "self-instruct"],
        "provider": ["anthropic", "demo", "openai", "openai-responses"],
        "format": [
            "alpaca",
            "chatml",
            "dpo",
            "kto",
            "openai",
            "openai-preference",
            "prompt-completion",
            "sharegpt",
        ],
    }


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_every_name_has_a_class_of_its_kind(kind: str, name: str) -> None:
    get = getattr(REGISTRY, kind if kind in ("provider", "format") else "component")
    assert REGISTRY.name_of(get(name)) == name


def test_registering_them_imports_only_the_marker() -> None:
    tree = ast.parse(Path(builtins.__file__).read_text("utf-8"))
    imported = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert imported == ["collections.abc", "synthkit.plugins.hookspecs"]
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
