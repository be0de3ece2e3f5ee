"""Which plugins are found, whatever state the path is in."""

import importlib
from pathlib import Path

import pytest
from plugin_site import Site, hook

from synthkit.plugins.discovery import Entry


def third(site: Site) -> list[Entry]:
    return [entry for entry in site.entries() if entry.distribution != "synthkit"]


def test_entries_are_sorted_and_know_their_distribution(site: Site) -> None:
    site.add("dist-b", {"zeta": "b_mod", "beta": "b_mod.plugin:thing"}, version="2.1")
    site.add("dist-a", {"gamma": "a_mod"})
    assert third(site) == [
        Entry("beta", "dist-b", "2.1", "b_mod.plugin:thing"),
        Entry("gamma", "dist-a", "1.0", "a_mod"),
        Entry("zeta", "dist-b", "2.1", "b_mod"),
    ]
    assert str(third(site)[0]) == "plugin 'beta' (dist-b 2.1)"


def test_the_built_ins_are_an_entry_point_of_synthkit(site: Site) -> None:
    (entry,) = site.entries()
    assert (entry.name, entry.distribution, entry.value) == ("synthkit", "synthkit", "synthkit.plugins.builtins")


def test_other_groups_are_not_ours(site: Site) -> None:
    info = site.add("dist-a", {})
    (info / "entry_points.txt").write_text("[console_scripts]\nsynthkit = a:main\n[synthkit.extra]\nx = y\n", "utf-8")
    assert third(site) == []


def test_of_two_versions_on_the_path_only_the_first_counts(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Site(tmp_path / "old")
    old.add("dist-a", {"alpha": "a_mod", "gone": "a_mod"}, version="1.0")
    site.add("dist-a", {"alpha": "a_mod"}, version="2.0")
    monkeypatch.setattr("sys.path", [str(site.path), str(old.path), str(site.path)])
    importlib.invalidate_caches()
    assert third(site) == [Entry("alpha", "dist-a", "2.0", "a_mod")]


def test_a_newer_version_without_plugins_hides_an_older_one_with_some(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Site(tmp_path / "old")
    old.add("dist-a", {"alpha": "a_mod"}, version="1.0")
    info = site.add("dist-a", {}, version="2.0")
    (info / "entry_points.txt").unlink()
    monkeypatch.setattr("sys.path", [str(site.path), str(old.path)])
    importlib.invalidate_caches()
    assert third(site) == []


def test_the_broken_entry_points_of_a_stranger_hide_nobody(site: Site) -> None:
    stranger = site.add("stranger", {})
    (stranger / "entry_points.txt").write_bytes(b"[other]\nx = \xff\xfe\n")
    another = site.add("another", {})
    (another / "entry_points.txt").write_text("[other]\nno equals sign\n", "utf-8")
    site.plugin("a", hook("steps", "return {}"))
    assert third(site) == [Entry("a", "dist-a", "1.0", "plugin_a")]


def test_unreadable_entry_points_of_a_plugin_are_a_problem_of_its_own(site: Site) -> None:
    info = site.add("dist-a", {})
    (info / "entry_points.txt").write_text("[synthkit]\nno equals sign\n", "utf-8")
    (problem,) = site.load().problems
    assert problem.startswith("the entry_points.txt of dist-a cannot be read: ")
    assert problem.endswith("; reinstall or uninstall dist-a")
    assert [(p.name, p.status) for p in site.load().plugins[1:]] == [("dist-a", "broken")]


def test_a_distribution_without_metadata_is_known_by_its_folder(site: Site) -> None:
    site.add("dist-a", {"alpha": "a_mod"}, metadata=False)
    site.distributions.add(str(site.path))
    assert third(site) == [Entry("alpha", str(site.path), "of unknown version", "a_mod")]


def test_the_remains_of_an_uninstallation_are_not_installed(site: Site) -> None:
    info = site.add("dist-a", {"alpha": "a_mod"})
    info.rename(info.with_name("~ist_a-1.0.dist-info"))
    importlib.invalidate_caches()
    assert third(site) == []
