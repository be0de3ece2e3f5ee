"""The packages of built-ins: sorted names, each loaded when it is asked for, and the ones that are registered."""

import importlib
import subprocess
import sys

import pytest

from synthkit.plugins import builtins

PACKAGES = {
    "filters": builtins.synthkit_filters,
    "formats": builtins.synthkit_formats,
    "generators": builtins.synthkit_generators,
    "judges": builtins.synthkit_judges,
    "steps": builtins.synthkit_steps,
    "techniques": builtins.synthkit_techniques,
}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_exports_what_is_registered(package: str) -> None:
    module = importlib.import_module(f"synthkit.{package}")
    registered = {target.partition(":")[2]: target.partition(":")[0] for target in PACKAGES[package]().values()}
    assert set(module.__all__) == set(registered)
    assert module.__all__ == sorted(module.__all__, key=lambda name: (not name.isupper(), name))
    for name in module.__all__:
        found = getattr(module, name)
        assert found.__name__ == name
        assert found is getattr(importlib.import_module(registered[name]), name)
    with pytest.raises(AttributeError, match=f"module 'synthkit.{package}' has no attribute 'Nothing'"):
        _ = module.Nothing


def test_importing_a_part_loads_neither_the_others_nor_heavy_libraries() -> None:
    script = (
        "import sys\n"
        "from synthkit.filters import MinHashDedup, Rules\n"
        "from synthkit.formats import ShareGPT\n"
        "from synthkit.generators import LoadRecords\n"
        "from synthkit.judges import Rubric\n"
        "parts = (MinHashDedup('a'), Rules(min_words={'a': 1}), LoadRecords('x.jsonl'), Rubric('m'), ShareGPT())\n"
        "heavy = {'polars', 'datasketch', 'numpy', 'jinja2', 'openai', 'ray', 'rich'} & set(sys.modules)\n"
        "ours = {name for name in sys.modules if name.startswith('synthkit.f')}\n"
        "print(sorted(heavy), sorted(ours))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([]) + " " + str(
        [
            "synthkit.filters",
            "synthkit.filters._dedup",
            "synthkit.filters._json",
            "synthkit.filters._patterns",
            "synthkit.filters._phrases",
            "synthkit.filters._rules",
            "synthkit.filters._text",
            "synthkit.filters.min_hash_dedup",
            "synthkit.filters.rules",
            "synthkit.formats",
            "synthkit.formats._conversation",
            "synthkit.formats._messages",
            "synthkit.formats._texts",
            "synthkit.formats.sharegpt",
        ]
    )
