"""Plugins: how they are found, loaded one by one, and looked up by name."""

from synthkit.plugins.hookspecs import HOOKS, hookimpl
from synthkit.plugins.registry import PluginInfo, Registry, load, registry

__all__ = ["HOOKS", "PluginInfo", "Registry", "hookimpl", "load", "registry"]
