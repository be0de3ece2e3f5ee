"""Targets of exports: «train.jsonl:dpo,conversational=true», a path and a format with its parameters."""

import errno
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from synthkit.core.columns import hint
from synthkit.core.interfaces import Format
from synthkit.engine.examples import KINDS
from synthkit.errors import ConfigError, UsageError
from synthkit.plugins import Registry

TARGET = re.compile(r"(.+?):([A-Za-z0-9][\w.-]*)((?:,.*)?)", re.DOTALL)
WORD = re.compile(r"(?<![A-Za-z0-9])train(?![A-Za-z0-9])", re.IGNORECASE)


@dataclass(frozen=True)
class Target:
    """Where examples go, and in which form. text: as it was written. form: its end, `dpo,conversational=true`."""

    text: str
    path: Path
    form: str
    format: Format

    def absolute(self) -> str:
        """The same as text, from whatever folder it is read."""
        return f"{self.path.absolute()}:{self.form}"

    def files(self, split: bool) -> tuple[Path, ...]:
        """The files that are written: one, or with a split that of training and that of validation. A path that names
        one of training is it (`train.jsonl`, `validation.jsonl`), another is in the names of both (`sft.jsonl`:
        `sft-train.jsonl`, `sft-validation.jsonl`)."""
        if not split:
            return (self.path,)
        stem, suffix = self.path.stem, self.path.suffix
        if WORD.search(stem):
            return self.path, self.path.with_name(WORD.sub("validation", stem) + suffix)
        return self.path.with_name(f"{stem}-train{suffix}"), self.path.with_name(f"{stem}-validation{suffix}")


def target_of(
    text: str, registry: Registry, *, split: bool = False, otherwise: Path | None = None, option: str = "--export "
) -> Target:
    """The target that a text names. Raises `ConfigError` naming what is wrong.

    split: it is written as two files. otherwise: the folder that takes the file where its own is gone; without it, that
    is an error. option: what errors put before the text.
    """
    found = TARGET.fullmatch(text)
    where = f"{option}{text}"
    if not found:
        names = ", ".join(registry.names("format"))
        raise ConfigError(f"{where}: say which format, as in {text.rstrip(':')}:sharegpt; there are {names}")
    path, name, parameters = Path(found[1]), found[2], found[3]
    try:
        format = format_of(name + parameters, registry)
    except UsageError as error:
        raise ConfigError(f"{where}: {error}") from error
    target = Target(text, writable(path, where, otherwise), name + parameters, format)
    for file in target.files(split):
        writable(file, where)
    return target


def format_of(text: str, registry: Registry) -> Format:
    """The format that «dpo» or «dpo,conversational=true» names. Raises `UsageError` naming what is wrong."""
    name, *given = text.split(",")
    cls = registry.format(name)
    parameters: dict[str, str] = {}
    for part in given:
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"{part!r} is no parameter: write name=value, as in {name},messages=chat")
        if key.strip() == "label":  # the component's own, which no user means
            known = [field for field in cls.model_fields if field != "label"]
            raise ConfigError(f"{name} has no parameter 'label'{hint('label', known, 'it has')}")
        parameters[key.strip()] = value
    return cls(label=name, **parameters)


def format_named(text: str, registry: Registry, option: str) -> Format:
    """The format that an option names. Raises `ConfigError` naming the option."""
    try:
        return format_of(text, registry)
    except UsageError as error:
        raise ConfigError(f"{option} {text}: {error}") from error


def twice(targets: Sequence[Target], split: bool, option: str = "--export ") -> list[str]:
    """A sentence for each file that two targets would write."""
    places: dict[Path, Target] = {}
    problems = []
    for target in targets:
        for path in target.files(split):
            if places.setdefault(path.resolve(), target) is not target:
                problems.append(f"{option}{target.text}: {path} is written twice; give each export a file of its own")
    return problems


def writable(path: Path, where: str, otherwise: Path | None = None) -> Path:
    """A path that can be written, as far as can be seen. Raises `ConfigError`, in which `where` stands first."""
    for place in (path, path.parent / f".{path.name}.lines.tmp"):  # the latter is written aside
        try:
            place.stat()
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENAMETOOLONG):
                raise ConfigError(f"{where}: {path.name}: {error.strerror}; name another file") from error
    if path.is_dir():
        raise ConfigError(f"{where}: {path} is a folder; name a file in it, as in {str(path).rstrip('/')}/train.jsonl")
    if path.suffix.lower() not in KINDS:
        raise ConfigError(
            f"{where}: examples are not written as {path.suffix}; let the name end in .jsonl, .json or .parquet"
        )
    if path.exists() and not path.is_file():
        raise ConfigError(f"{where}: {path} is no regular file; name another one")
    folder = path.absolute().parent
    if not folder.is_dir():
        if otherwise is not None:
            return otherwise / path.name
        raise ConfigError(f"{where}: there is no folder {path.parent}; make it first")
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise ConfigError(f"{where}: the folder {path.parent} cannot be written to; name another one")
    return path
