"""Each plugin is loaded on its own; whatever is wrong with one is a sentence, and the others work."""

import subprocess
import sys

import pytest
from plugin_site import Site, hook

from synthkit.plugins import Registry

GOOD = hook("steps", "return {'good-step': 'good_parts:Good'}")


def broken(site: Site, source: str) -> str:
    """The problem of the plugin `bad` with this source, beside a good one that stays in use."""
    site.plugin("good", GOOD)
    site.plugin("bad", source)
    registry = site.load()
    _, bad, good = registry.plugins
    assert (bad.name, bad.distribution, bad.version, bad.status) == ("bad", "dist-bad", "1.0", "broken")
    assert bad.provides == {} and registry.problems == [bad.problem]
    assert (good.status, good.problem, good.provides) == ("ok", "", {"step": ["good-step"]})
    assert "good-step" in registry.names("step") and "rules" in registry.names("filter")
    return bad.problem


def problem_of(site: Site, source: str) -> str:
    """The same without the common beginning."""
    text = broken(site, source)
    start = "plugin 'bad' (dist-bad 1.0)"
    assert text.startswith(start) and "\n" not in text
    return text.removeprefix(start)


def bad_file(site: Site) -> str:
    return str(site.path / "plugin_bad.py")


def test_a_plugin_registers_what_its_hooks_return(site: Site) -> None:
    site.plugin(
        "a", hook("steps", "return {'b-step': 'x.y:B', 'a-step': 'x.y:Outer.A'}") + hook("formats", "return {}")
    )
    registry = site.load()
    assert registry.problems == []
    info = registry.plugins[1]
    assert (info.name, info.status, info.provides) == ("a", "ok", {"step": ["a-step", "b-step"]})
    assert "x" not in sys.modules  # registering imports no component


def test_an_entry_point_may_name_an_object(site: Site) -> None:
    source = (
        "from synthkit.plugins import hookimpl\n"
        "class Mine:\n    @hookimpl\n    def synthkit_judges(self):\n        return {'mine': 'a:B'}\n"
        "here = Mine()\n"
    )
    site.add("dist-a", {"a": "plugin_a:here [extra]"}, {"plugin_a.py": source})
    assert site.load().plugins[1].provides == {"judge": ["mine"]}


def test_an_exception_while_importing(site: Site) -> None:
    said = problem_of(site, "x = 1\ny = 1 / 0\n")
    assert said == (
        " cannot be imported from 'plugin_bad': ZeroDivisionError: division by zero "
        f"({bad_file(site)}, line 2); update, reinstall or uninstall dist-bad"
    )


def test_a_syntax_error(site: Site) -> None:
    said = problem_of(site, "def (:\n")
    assert said.startswith(" cannot be imported from 'plugin_bad': SyntaxError: invalid syntax (plugin_bad.py, line 1)")


def test_a_missing_dependency_says_what_to_install(site: Site) -> None:
    said = problem_of(site, "import no_such_library.part\n")
    assert said == (
        " cannot be imported from 'plugin_bad': ModuleNotFoundError: No module named 'no_such_library' "
        f"({bad_file(site)}, line 1); install what provides 'no_such_library', or uninstall dist-bad"
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("raise SystemExit", "SystemExit"),
        ("class Panic(BaseException): pass\nraise Panic('native code panicked')", "Panic: native code panicked"),
        ("raise RuntimeError('two\\n  lines')", "RuntimeError: two lines"),
        (
            "from synthkit.errors import PluginError\nraise PluginError('its own')",
            "PluginError: its own",
        ),
    ],
)
def test_whatever_is_raised_while_importing_ends_nothing(site: Site, source: str, said: str) -> None:
    assert problem_of(site, source).startswith(f" cannot be imported from 'plugin_bad': {said} ({bad_file(site)}, line")


def test_an_interrupt_passes(site: Site) -> None:
    site.plugin("bad", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        site.load()


def test_a_module_that_is_not_there(site: Site) -> None:
    site.add("dist-a", {"a": "nowhere.plugin"})
    assert site.load().problems == [
        "plugin 'a' (dist-a 1.0) cannot be imported from 'nowhere.plugin': ModuleNotFoundError: No module named "
        "'nowhere'; update, reinstall or uninstall dist-a"
    ]


def test_an_entry_point_that_is_no_import_string(site: Site) -> None:
    site.add("dist-a", {"a": "not/a/module.py"})
    assert site.load().problems == [
        "plugin 'a' (dist-a 1.0) has the entry point 'not/a/module.py', which is no import string: "
        "write 'package.module'"
    ]


def test_an_exception_in_a_hook(site: Site) -> None:
    said = problem_of(site, hook("filters", "return {'x': {}['gone']}"))
    assert said == (
        f" fails in synthkit_filters(): KeyError: 'gone' ({bad_file(site)}, line 5); "
        "update, reinstall or uninstall dist-bad"
    )


def test_an_exit_in_a_hook(site: Site) -> None:
    said = problem_of(site, hook("filters", "raise SystemExit(1)"))
    assert said.startswith(" fails in synthkit_filters(): SystemExit: 1 (")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return ['a:B']", "a value of type list where a mapping of names to import strings is expected"),
        ("return None", "None where a mapping of names to import strings is expected"),
        ("yield {'a': 'b:C'}", "a value of type generator where a mapping of names to import strings is expected"),
        (
            "return {'a': 'just.module'}",
            "'just.module' for 'a', which is no import string: write 'package.module:Class'",
        ),
        (
            "return {'a': 'mod:class'}",
            "'mod:class' for 'a', which is no import string: write 'package.module:Class'",
        ),
        ("return {'a': 7}", "7 for 'a', which is no import string: write 'package.module:Class'"),
        (
            "from collections import Counter; return {'a': Counter}",
            "a class for 'a' where a string is expected: write 'collections:Counter'",
        ),
        ("return {'WordCount': 'a:B'}", "the name 'WordCount', which is not kebab-case: write it like 'word-count'"),
        ("return {'word_count': 'a:B'}", "the name 'word_count', which is not kebab-case: write it like 'word-count'"),
        ("return {'a/b': 'a:B'}", "the name 'a/b', which is not kebab-case: write it like 'min-hash-dedup'"),
        ("return {3: 'a:B'}", "the name 3, which is not kebab-case: write it like 'min-hash-dedup'"),
    ],
)
def test_a_wrong_return_value(site: Site, body: str, said: str) -> None:
    assert problem_of(site, hook("steps", body)) == f": synthkit_steps() returned {said}"


def test_a_coroutine_is_a_wrong_return_value(site: Site) -> None:
    source = hook("steps", "return {}").replace("def synthkit", "async def synthkit")
    assert problem_of(site, source) == (
        ": synthkit_steps() returned a value of type coroutine where a mapping of names to import strings is expected"
    )


def test_a_mapping_that_raises(site: Site) -> None:
    source = (
        "from collections import UserDict\nfrom synthkit.plugins import hookimpl\n"
        "class Bad(UserDict):\n    def __iter__(self):\n        raise OSError('gone')\n"
        "@hookimpl\ndef synthkit_steps():\n    return Bad(a='b:C')\n"
    )
    assert problem_of(site, source).startswith(" fails in synthkit_steps(): OSError: gone (")


def test_one_name_for_two_kinds_of_component(site: Site) -> None:
    source = hook("steps", "return {'twice': 'a:B'}") + hook("judges", "return {'twice': 'a:C'}")
    assert problem_of(site, source) == " registers 'twice' as a step and as a judge: give one of them another name"


def test_one_name_for_a_component_a_provider_and_a_format(site: Site) -> None:
    site.plugin("a", "".join(hook(kind, "return {'same': 'a:B'}") for kind in ("steps", "providers", "formats")))
    assert site.load().plugins[1].provides == {"step": ["same"], "provider": ["same"], "format": ["same"]}


def test_a_misspelt_hook_is_named_with_the_right_one(site: Site) -> None:
    assert problem_of(site, hook("fliters", "return {}")) == (
        " implements the hook synthkit_fliters, which does not exist: did you mean synthkit_filters?"
    )


def test_a_hook_like_none_there_is(site: Site) -> None:
    source = hook("steps", "return {}").replace("synthkit_steps", "on_startup")
    assert problem_of(site, source) == (
        " implements the hook on_startup, which does not exist: the hooks are synthkit_filters, synthkit_formats, "
        "synthkit_generators, synthkit_judges, synthkit_providers, synthkit_steps, synthkit_techniques"
    )


def test_an_optional_hook_may_be_of_another_version(site: Site) -> None:
    source = hook("steps", "return {}") + hook("embedders", "return {}").replace(
        "@hookimpl", "@hookimpl(optionalhook=True)"
    )
    site.plugin("a", source)
    assert site.load().problems == []


@pytest.mark.parametrize("arguments", ["config", "config, *, more", "*, more", "config, more=1"])
def test_a_hook_with_arguments_is_shown_beside_what_is_expected(site: Site, arguments: str) -> None:
    source = hook("steps", "return {}").replace("_steps()", f"_steps({arguments})")
    assert problem_of(site, source) == (
        f" defines synthkit_steps({arguments}) where synthkit_steps() is expected: remove its parameters"
    )


def test_arguments_with_defaults_do_no_harm(site: Site) -> None:
    site.plugin("a", hook("steps", "return {}").replace("_steps()", "_steps(more=1, *rest, **others)"))
    assert site.load().problems == []


def test_a_hook_without_its_mark(site: Site) -> None:
    assert problem_of(site, "def synthkit_steps():\n    return {}\n") == (
        " defines synthkit_steps() without @hookimpl: put it above the function"
    )


def test_a_plugin_without_hooks(site: Site) -> None:
    assert problem_of(site, "x = 1\n") == " implements no hook of synthkit: mark its functions with @hookimpl"


def test_what_pluggy_refuses_is_one_sentence_too(site: Site) -> None:
    said = problem_of(site, hook("steps", "return {}").replace("@hookimpl", "@hookimpl(hookwrapper=True)"))
    assert said.startswith(" cannot be registered: PluginValidationError: Plugin 'bad' for hook 'synthkit_steps'")
    assert said.endswith("; update, reinstall or uninstall dist-bad")


def statuses(registry: Registry) -> dict[str, str]:
    return {info.name: info.status for info in registry.plugins}


@pytest.mark.parametrize(
    ("only", "loaded"),
    [(None, "abc"), ("a,c", "ac"), (" b , ,", "b"), ("", ""), ("synthkit", "")],
)
def test_the_environment_limits_what_loads(site: Site, only: str | None, loaded: str) -> None:
    for name in "abc":
        site.plugin(name, hook("steps", f"return {{'step-{name}': 'x:Y'}}"))
    registry = site.load(only)
    assert statuses(registry) == {"synthkit": "ok", **{n: "ok" if n in loaded else "off" for n in "abc"}}
    assert [name for name in registry.names("step") if name.startswith("step-")] == [f"step-{n}" for n in loaded]
    assert registry.problems == []
    assert all(info.version == "1.0" and info.problem == "" for info in registry.plugins[1:])


def test_what_is_off_is_not_even_imported(site: Site) -> None:
    site.plugin("a", "raise SystemExit")
    registry = site.load("")
    assert statuses(registry)["a"] == "off" and registry.problems == []


def test_a_plugin_that_is_limited_to_and_not_installed(site: Site) -> None:
    site.plugin("example", hook("steps", "return {}"))
    assert site.load("exmaple,example").problems == [
        "SYNTHKIT_PLUGINS names the plugin 'exmaple', which is not installed: did you mean 'example'? "
        "(installed: example of dist-example 1.0)"
    ]
    assert site.load("zzz").problems == [
        "SYNTHKIT_PLUGINS names the plugin 'zzz', which is not installed (installed: example of dist-example 1.0)"
    ]


def test_the_real_environment_is_read(site: Site) -> None:
    """In a process of its own: what `load()` finds and reads without being given anything."""
    site.plugin("a", hook("steps", "return {'step-a': 'x:Y'}"))
    site.plugin("b", "import sys; sys.exit('no')")
    code = (
        "from synthkit.plugins import registry\n"
        "for p in registry().plugins: print(p.name, p.status)\n"
        "print(registry() is registry(), 'step-a' in registry().names('step'))\n"
    )
    seen = []
    for only in ("a", "b"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": str(site.path), "SYNTHKIT_PLUGINS": only},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        seen.append([line for line in done.stdout.splitlines() if not line.startswith("example ")])
    assert seen == [
        ["synthkit ok", "a ok", "b off", "True True"],
        ["synthkit ok", "a off", "b broken", "True False"],
    ]
