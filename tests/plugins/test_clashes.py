"""Who gets a name that more than one plugin registers: nobody by accident, whatever order they are found in."""

import importlib
import sys
from itertools import permutations
from pathlib import Path

import pytest
from plugin_site import Site, hook

from synthkit.errors import PluginError
from synthkit.plugins import load


def test_neither_of_two_plugins_wins(site: Site) -> None:
    site.plugin("a", hook("steps", "return {'same': 'xa:A', 'only-a': 'xa:B'}"))
    site.plugin("b", hook("filters", "return {'same': 'xb:A', 'only-b': 'xb:B'}"), version="2.0")
    site.plugin("c", hook("steps", "return {'only-c': 'xc:C'}"))
    registry = site.load()
    said = (
        "component 'same' is registered by plugin 'a' (dist-a 1.0) and by plugin 'b' (dist-b 2.0), so none of them "
        "provides it: load only one of them (as in SYNTHKIT_PLUGINS=a,c), or uninstall the others"
    )
    for ask in (registry.component, registry.kind_of):
        with pytest.raises(PluginError) as caught:
            ask("same")
        assert str(caught.value) == said
    assert registry.problems == [said]
    assert [(p.name, p.status, p.problem, p.provides) for p in registry.plugins[1:]] == [
        ("a", "ok", said, {"step": ["only-a"]}),
        ("b", "ok", said, {"filter": ["only-b"]}),
        ("c", "ok", "", {"step": ["only-c"]}),
    ]
    assert "same" not in [*registry.names("step"), *registry.names("filter")]


def test_the_fix_in_the_message_is_one(site: Site) -> None:
    site.plugin("a", hook("steps", "return {'same': 'xa:A'}"))
    site.plugin("b", hook("steps", "return {'same': 'xb:A'}"))
    registry = site.load("a")
    assert registry.problems == [] and registry.kind_of("same") == "step"


@pytest.mark.parametrize(("hooks", "space"), [("providers", "provider"), ("formats", "format")])
def test_providers_and_formats_clash_among_themselves(site: Site, hooks: str, space: str) -> None:
    site.plugin("a", hook(hooks, "return {'same': 'xa:A'}"))
    site.plugin("b", hook(hooks, "return {'same': 'xb:A'}"))
    site.plugin("c", hook("steps", "return {'same': 'xc:A'}"))
    registry = site.load()
    with pytest.raises(PluginError, match=f"^{space} 'same' is registered by plugin 'a' .* and by plugin 'b' "):
        getattr(registry, space)("same")
    assert registry.kind_of("same") == "step"


def test_a_built_in_keeps_its_name(site: Site) -> None:
    site.plugin("a", hook("judges", "return {'rules': 'xa:Rules', 'mine': 'xa:Mine'}"))
    site.plugin("b", hook("filters", "return {'rules': 'xb:Rules'}"))
    registry = site.load()
    version = registry.plugins[0].version
    said = [
        f"plugin '{name}' (dist-{name} 1.0) registers the {kind} 'rules', but that is a filter of plugin 'synthkit' "
        f"(synthkit {version}), whose names are its own: rename the plugin's, or refer to it as 'x{name}:Rules'"
        for name, kind in (("a", "judge"), ("b", "filter"))
    ]
    assert registry.problems == said
    assert [info.problem for info in registry.plugins] == ["", *said]
    assert registry.kind_of("rules") == "filter" and "rules" in registry.plugins[0].provides["filter"]
    assert registry.plugins[1].provides == {"judge": ["mine"]} and registry.plugins[2].provides == {}


def test_one_plugin_name_in_two_distributions(site: Site) -> None:
    source = hook("steps", "return {'a-step': 'x:Y'}")
    site.add("dist-one", {"same": "plugin_one"}, {"plugin_one.py": source})
    site.add("dist-two", {"same": "plugin_two", "other": "plugin_two"}, {"plugin_two.py": source}, version="2.0")
    said = (
        "more than one plugin is called 'same', of dist-one 1.0 and dist-two 2.0, so none of them is loaded: "
        "uninstall all but one"
    )
    registry = site.load()
    assert registry.problems == [said]
    assert [(p.name, p.distribution, p.status, p.problem) for p in registry.plugins[1:]] == [
        ("other", "dist-two", "ok", ""),
        ("same", "dist-one", "broken", said),
        ("same", "dist-two", "broken", said),
    ]
    assert registry.kind_of("a-step") == "step"
    assert site.load("other").problems == []


def test_the_name_of_the_built_ins_is_taken(site: Site) -> None:
    site.add("dist-a", {"synthkit": "plugin_a"}, {"plugin_a.py": "raise SystemExit"})
    registry = site.load()
    assert registry.problems == [
        "plugin 'synthkit' (dist-a 1.0) has the name of the built-ins: rename its entry point, or uninstall dist-a"
    ]
    assert [p.status for p in registry.plugins] == ["ok", "broken"] and "rules" in registry.names("filter")


def test_a_plugin_that_registers_the_built_ins_again_gets_none_of_their_names(site: Site) -> None:
    site.add("dist-a", {"a": "synthkit.plugins.builtins"})
    registry = site.load()
    assert registry.plugins[0].provides == load([], {}).plugins[0].provides
    assert registry.plugins[1].provides == {} and len(registry.problems) > 10


def test_the_built_ins_are_there_without_their_entry_point() -> None:
    registry = load([], {"SYNTHKIT_PLUGINS": ""})
    assert [(p.name, p.version, p.status) for p in registry.plugins] == [("synthkit", "of unknown version", "ok")]
    assert "rules" in registry.names("filter")


def test_the_order_of_discovery_does_not_matter(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Site(tmp_path / "other")
    monkeypatch.syspath_prepend(str(other.path))
    other.plugin("c", hook("judges", "return {'same': 'xc:A', 'rules': 'xc:B'}"))
    other.add("dist-d", {"b": "plugin_c"})
    site.plugin("a", hook("steps", "return {'same': 'xa:A'}"))
    site.plugin("b", hook("steps", "return {'same': 'xb:A'}"))
    site.plugin("e", "raise ValueError")
    site.distributions |= other.distributions
    entries = site.entries()
    assert len(entries) == 6
    seen = {repr((r.plugins, r.problems)) for order in [*permutations(entries)][::7] for r in [load(order, {})]}
    monkeypatch.setattr("sys.path", [str(site.path), str(other.path), *sys.path])
    importlib.invalidate_caches()
    registry = site.load()
    assert seen == {repr((registry.plugins, registry.problems))}
    assert len(registry.problems) == 4
