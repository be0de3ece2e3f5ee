"""Input files of a run: fingerprinted, and kept where they are small, so that a resumed run reads the same."""

import os
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from synthkit.core.component import Spec
from synthkit.engine.parts import write_atomic
from synthkit.engine.plan import Plan
from synthkit.errors import InputError

SMALL = 64 * 2**20
"""Bytes up to which an input is copied into the run folder; of larger ones both ends are fingerprinted."""
END = 2**20


def keep(plan: Plan, folder: Path) -> dict[str, Any]:
    """Copies the input files of a plan; returns what run.json says of them, by the path as given."""
    found: dict[str, Any] = {}
    for _, component in plan.components():
        for path in component.files():
            if str(path) in found or not path.is_file():
                continue
            mark = fingerprint(path)
            name = None
            if path.stat().st_size <= SMALL:
                name = f"{mark[:12]}-{path.name}"
                write_atomic(folder / "inputs" / name, [path.read_bytes()])
            found[str(path)] = {"absolute": str(path.resolve()), "mark": mark, "kept": name}
    return found


def fingerprint(path: Path) -> str:
    """Size and content of a file; of a large one the first and the last megabyte."""
    size = path.stat().st_size
    hash = blake2b(str(size).encode(), digest_size=16)
    with path.open("rb") as file:
        if size <= SMALL:
            hash.update(file.read())
        else:
            hash.update(file.read(END))
            file.seek(-END, os.SEEK_END)
            hash.update(file.read(END))
    return hash.hexdigest()


def changed(inputs: Mapping[str, Any]) -> list[str]:
    """The input files that are not what they were when the run began."""
    return [
        given
        for given, known in inputs.items()
        if Path(known["absolute"]).is_file() and fingerprint(Path(known["absolute"])) != known["mark"]
    ]


def located(specs: list[Spec], inputs: Mapping[str, Any], folder: Path) -> list[Spec]:
    """Specs whose input files are found again: the kept copy, else the original, unchanged.

    Raises `InputError` naming a file that is gone or was changed.
    """
    places = {given: str(place(known, folder)) for given, known in inputs.items()}
    return [replaced(spec, places) for spec in specs]


def place(known: Mapping[str, Any], folder: Path) -> Path:
    """Where one input file is found again, by what run.json says of it. Raises `InputError`."""
    copy = folder / "inputs" / (known["kept"] or "")
    original = Path(known["absolute"])
    if known["kept"] and copy.is_file():
        return copy
    if not original.is_file():
        raise InputError(f"the run reads {original}, which is gone: put it back, it was too large to be kept")
    if fingerprint(original) != known["mark"]:
        raise InputError(f"{original} has changed since the run began: put the old file back, or start a new run")
    return original


def replaced(value: Any, places: Mapping[str, str]) -> Any:
    """A spec with its files elsewhere, by the path as given."""
    if isinstance(value, str):
        return places.get(value, value)
    if isinstance(value, dict):
        return {key: replaced(item, places) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, places) for item in value]
    return value
