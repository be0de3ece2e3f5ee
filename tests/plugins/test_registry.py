"""Names to classes and back."""

import subprocess
import sys
from pathlib import Path

import pytest
from plugin_site import Site, hook

from synthkit.core import Component, DatasetStep, Filter, Fork, Format, Generator, Judge, Provider, Step
from synthkit.errors import PluginError
from synthkit.plugins import Registry, load, registry
from synthkit.plugins.registry import KINDS, bases

PARTS = """
from synthkit.core import Component, DatasetStep, Filter, Format, Generator, Judge, Provider, Step

def kind(base):
    return type(base.__name__, (base,), {"__module__": __name__, "__qualname__": f"Kinds.{base.__name__}"})

class Kinds:
    pass

for base in (Component, DatasetStep, Filter, Format, Generator, Judge, Provider, Step):
    setattr(Kinds, base.__name__, kind(base))

def function():
    pass
"""


@pytest.fixture
def parts(site: Site) -> Registry:
    """Each base under each kind: `step-of-filter` is a Filter registered as a step."""
    names = ["Component", "DatasetStep", "Filter", "Format", "Generator", "Judge", "Provider", "Step"]
    source = ""
    for kind in KINDS:
        made = {f"{kind}-of-{name.lower()}": f"parts_p:Kinds.{name}" for name in names}
        made |= {f"{kind}-gone": "parts_p:Gone", f"{kind}-function": "parts_p:function"}
        source += hook(f"{kind}s", f"return {made}")
    site.plugin("p", source)
    (site.path / "parts_p.py").write_text(PARTS, "utf-8")
    loaded = site.load()
    assert loaded.problems == []
    return loaded


def message(ask: object, *given: object) -> str:
    assert callable(ask)
    with pytest.raises(PluginError) as caught:
        ask(*given)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def ask(loaded: Registry, kind: str) -> object:
    return getattr(loaded, kind if kind in ("provider", "format") else "component")


@pytest.mark.parametrize(
    ("kind", "good"),
    [
        ("generator", ["Generator"]),
        ("step", ["DatasetStep", "Judge", "Step"]),
        ("filter", ["DatasetStep", "Filter"]),
        ("judge", ["Judge"]),
        ("technique", ["Component", "DatasetStep", "Filter", "Format", "Generator", "Judge", "Step"]),
        ("provider", ["Provider"]),
        ("format", ["Format"]),
    ],
)
def test_what_is_loaded_is_a_class_of_its_kind(parts: Registry, kind: str, good: list[str]) -> None:
    get = ask(parts, kind)
    assert callable(get)
    for name in ("Component", "DatasetStep", "Filter", "Format", "Generator", "Judge", "Provider", "Step"):
        registered = f"{kind}-of-{name.lower()}"
        if name in good:
            assert get(registered) is get(registered)
            assert get(registered).__qualname__ == f"Kinds.{name}"
        else:
            expected = " or ".join(base.__name__ for base in bases(kind))
            assert message(get, registered) == (
                f"{kind} '{registered}' of plugin 'p' (dist-p 1.0) is 'parts_p:Kinds.{name}', which is no class "
                f"derived from {expected}: derive it, or register it under its own kind"
            )


def test_the_bases_are_those_of_core() -> None:
    assert {kind: bases(kind) for kind in KINDS} == {
        "generator": (Generator,),
        "step": (Step, DatasetStep),
        "filter": (Filter, DatasetStep),
        "judge": (Judge,),
        "technique": (Component,),
        "provider": (Provider,),
        "format": (Format,),
    }


@pytest.mark.parametrize("kind", ["step", "provider", "format"])
def test_what_is_registered_and_is_no_class(parts: Registry, kind: str) -> None:
    assert message(ask(parts, kind), f"{kind}-function").startswith(
        f"{kind} '{kind}-function' of plugin 'p' (dist-p 1.0) is 'parts_p:function', which is no class derived from "
    )


@pytest.mark.parametrize("kind", ["step", "provider", "format"])
def test_what_is_registered_and_not_there(parts: Registry, kind: str) -> None:
    assert message(ask(parts, kind), f"{kind}-gone") == (
        f"{kind} '{kind}-gone' of plugin 'p' (dist-p 1.0) cannot be imported from 'parts_p:Gone': AttributeError: "
        "module 'parts_p' has no attribute 'Gone'; update, reinstall or uninstall dist-p"
    )


def test_an_import_that_fails_on_use_names_plugin_and_cause(site: Site) -> None:
    site.plugin("a", hook("steps", "return {'heavy': 'heavy_a:Heavy', 'exits': 'exits_a:Exits'}"))
    (site.path / "heavy_a.py").write_text("import no_such_library\n", "utf-8")
    (site.path / "exits_a.py").write_text("import sys\nsys.exit('good bye')\n", "utf-8")
    loaded = site.load()
    assert loaded.problems == []
    assert message(loaded.component, "heavy") == (
        "step 'heavy' of plugin 'a' (dist-a 1.0) cannot be imported from 'heavy_a:Heavy': ModuleNotFoundError: "
        f"No module named 'no_such_library' ({site.path / 'heavy_a.py'}, line 1); install what provides "
        "'no_such_library', or uninstall dist-a"
    )
    assert message(loaded.component, "exits").startswith(
        "step 'exits' of plugin 'a' (dist-a 1.0) cannot be imported from 'exits_a:Exits': SystemExit: good bye ("
    )


def test_an_unknown_name_gets_the_nearest_and_what_there_is(site: Site) -> None:
    site.plugin("a", hook("steps", "return {'count-words': 'x:Y'}"))
    site.plugin("b", "1 / 0")
    loaded = site.load("a,b")
    components = sorted(claim.name for claim in loaded.claims() if claim.space == "component")
    assert {"count-words", "rules"} < set(components)
    there = f"{', '.join(components)}; plugins not loaded: 'b' (broken)"
    for name in ("count-word", "CountWords", "count_words"):
        assert message(loaded.component, name) == (
            f"no component is called {name!r}: did you mean 'count-words'? (there are: {there})"
        )
    assert message(loaded.kind_of, "zzz") == f"no component is called 'zzz' (there are: {there})"
    assert message(loaded.component, "alpaca") == (
        f"no component is called 'alpaca', which is a format (there are: {there})"
    )


def test_unknown_providers_and_formats() -> None:
    loaded = load([], {})
    providers, formats = ", ".join(loaded.names("provider")), ", ".join(loaded.names("format"))
    assert "demo" in providers and "sharegpt" in formats
    assert message(loaded.provider, "opnai") == (
        f"no provider is called 'opnai': did you mean 'openai'? (there are: {providers})"
    )
    assert message(loaded.format, "ShareGPT ") == (
        f"no format is called 'ShareGPT ': did you mean 'sharegpt'? (there are: {formats})"
    )
    assert message(loaded.format, "rules") == (
        f"no format is called 'rules', which is a component (there are: {formats})"
    )


def test_a_plugin_that_is_off_is_mentioned_where_a_name_is_missing(site: Site) -> None:
    site.plugin("a", hook("providers", "return {'mine': 'x:Y'}"))
    loaded = site.load("")
    assert message(loaded.provider, "mine") == (
        f"no provider is called 'mine' (there are: {', '.join(loaded.names('provider'))}; "
        "plugins not loaded: 'a' (off))"
    )


def test_names_by_kind_are_sorted(parts: Registry) -> None:
    names = parts.names("format")
    assert names == sorted(names) and "sharegpt" in names and "format-of-step" in names
    assert not set(names) & set(parts.names("step"))
    assert message(parts.names, "steps") == (
        "there is no kind 'steps' of registered things: the kinds are generator, step, filter, judge, technique, "
        "provider, format"
    )


def test_import_strings_name_any_class(parts: Registry) -> None:
    assert parts.component("synthkit.core:Fork") is Fork
    assert parts.component("pathlib:Path") is Path  # a class may be a parameter too
    assert parts.component("parts_p:Kinds.Step").__qualname__ == "Kinds.Step"
    assert issubclass(parts.provider("parts_p:Kinds.Provider"), Provider)
    assert issubclass(parts.format("parts_p:Kinds.Format"), Format)
    assert message(parts.format, "parts_p:Kinds.Step") == (
        "format 'parts_p:Kinds.Step' is no class derived from Format: name one that is"
    )
    assert message(parts.component, "parts_p:function") == "component 'parts_p:function' is no class: name one that is"
    assert message(parts.component, "parts_p:f.<locals>.C") == (
        "'parts_p:f.<locals>.C' is no import string: write 'package.module:Class'"
    )
    assert message(parts.component, "nowhere.at:All") == (
        "component 'nowhere.at:All' cannot be imported: ModuleNotFoundError: No module named 'nowhere'"
    )


def test_the_name_of_a_class_is_its_registered_one_or_its_import_string(site: Site) -> None:
    site.plugin("a", hook("steps", "return {'zeta': 'pack_a:Zeta', 'also-zeta': 'pack_a:Zeta', 'up': 'pack_a:Up'}"))
    pack = site.path / "pack_a"
    pack.mkdir()
    (pack / "__init__.py").write_text("from pack_a.inside import Zeta\nclass Up: pass\n", "utf-8")
    (pack / "inside.py").write_text(
        "from synthkit.core import Step\nclass Zeta(Step):\n    async def process(self, record, ctx): return {}\n"
        "class Up: pass\n",
        "utf-8",
    )
    loaded = site.load()
    zeta = loaded.component("zeta")
    inside = sys.modules["pack_a.inside"]
    assert loaded.name_of(zeta) == "also-zeta"  # registered by way of the package, under two names
    assert loaded.name_of(inside.Up) == "pack_a.inside:Up"  # the package's own Up is another class
    assert loaded.name_of(Fork) == "fork"
    assert loaded.name_of(Path) == f"{Path.__module__}:Path"
    assert loaded.name_of(Step) == "synthkit.core.interfaces:Step"


def test_a_name_that_nobody_has_is_not_given_to_a_class(site: Site) -> None:
    site.plugin("a", hook("judges", "return {'rules': 'parts_q:Rules'}"))
    (site.path / "parts_q.py").write_text("class Rules: pass\n", "utf-8")
    loaded = site.load()
    assert loaded.name_of(loaded.component("parts_q:Rules")) == "parts_q:Rules"


def test_the_registry_of_the_process_is_loaded_once() -> None:
    registry.cache_clear()
    try:
        assert registry() is registry()
        first = registry()
        registry.cache_clear()
        assert registry() is not first
    finally:
        registry.cache_clear()


def test_loading_imports_nothing_heavy() -> None:
    """Names, kinds and messages need no component; not even pydantic is imported for them."""
    code = (
        "import sys\nfrom synthkit.plugins import load\nr = load()\nassert 'rules' in r.names('filter')\n"
        "heavy = {'pydantic', 'openai', 'anthropic', 'polars', 'ray', 'datasketch', 'jinja2', 'synthkit.core'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"SYNTHKIT_PLUGINS": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "[]\n", done.stderr
