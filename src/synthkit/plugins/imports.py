"""Importing what a plugin names, so that whatever goes wrong in there becomes one sentence."""

import importlib
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pluggy

from synthkit.errors import PluginError

_FILES = (__file__, importlib.__file__, pluggy.__file__)
_MACHINERY = ("<frozen", *(str(Path(file).parent) + os.sep for file in _FILES))


def resolve(target: str) -> Any:
    """The module or object behind `package.module` or `package.module:Qual.Name`. Raises what the import raises."""
    module, _, names = target.partition(":")
    found: Any = importlib.import_module(module)
    for name in names.split(".") if names else ():
        found = getattr(found, name)
    return found


@contextmanager
def blamed(failed: str, target: str, distribution: str = "") -> Iterator[None]:
    """Turns what is raised inside into a `PluginError`: what failed, the cause, and the fix.

    target: what is imported. distribution: whom to blame, if anybody.
    Exits and panics of native modules count as broken too, for no plugin may end its host; only an interrupt passes.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        fix = f"; {_fix(error, target, distribution)}" if distribution else ""
        raise PluginError(f"{failed}: {cause(error)}{fix}") from error


def cause(error: BaseException) -> str:
    """Type and text of an error in one line, and where in the plugin it was raised."""
    text = " ".join(str(error).split())
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    place = _place(error)
    return f"{said} ({place})" if place else said


def _place(error: BaseException) -> str:
    """File and line of the innermost frame that is neither ours nor the import machinery's."""
    if isinstance(error, SyntaxError):  # its text says where
        return ""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not frame.filename.startswith(_MACHINERY)]
    return f"{theirs[-1].filename}, line {theirs[-1].lineno}" if theirs else ""


def _fix(error: BaseException, target: str, distribution: str) -> str:
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing and missing.partition(".")[0] != target.partition(":")[0].partition(".")[0]:
        return f"install what provides {missing!r}, or uninstall {distribution}"
    return f"update, reinstall or uninstall {distribution}"
