"""Who gets a name that more than one plugin registers."""

from collections.abc import Sequence
from dataclasses import dataclass

from synthkit.plugins.discovery import Entry
from synthkit.plugins.manager import COMPONENTS, Plugin

ONLY = "SYNTHKIT_PLUGINS"


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """One registration: a plugin says that a name stands for a class."""

    space: str
    name: str
    kind: str
    target: str
    entry: Entry
    builtin: bool

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} of {self.entry}"


def _space(kind: str) -> str:
    return "component" if kind in COMPONENTS else kind


def settle(plugins: Sequence[Plugin]) -> tuple[Sequence[Claim], dict[tuple[str, str], str], list[tuple[Entry, str]]]:
    """Who gets which name, whatever order plugins were found in.

    Returns the claims that stand, a sentence for each name that nobody gets, and one for each plugin that goes without.
    """
    claims: dict[tuple[str, str], list[Claim]] = {}
    for plugin in plugins:
        for kind, names in plugin.parts.items():
            for name, target in names.items():
                claim = Claim(_space(kind), name, kind, target, plugin.entry, plugin.builtin)
                claims.setdefault((claim.space, name), []).append(claim)
    winners: list[Claim] = []
    clashes: dict[tuple[str, str], str] = {}
    withheld: list[tuple[Entry, str]] = []
    loaded = [plugin.entry.name for plugin in plugins if plugin.status == "ok" and not plugin.builtin]
    for key, rivals in sorted(claims.items()):
        own = [claim for claim in rivals if claim.builtin]
        if own or len(rivals) == 1:
            winners.append((own or rivals)[0])
            withheld += [(claim.entry, _reserved(claim, own[0])) for claim in rivals if not claim.builtin and own]
        else:
            clashes[key] = _clash(rivals, loaded)
            withheld += [(claim.entry, clashes[key]) for claim in rivals]
    return winners, clashes, withheld


def _reserved(claim: Claim, own: Claim) -> str:
    return (
        f"{claim.entry} registers the {claim.kind} {claim.name!r}, but that is a {own.kind} of {own.entry}, whose "
        f"names are its own: rename the plugin's, or refer to it as {claim.target!r}"
    )


def _clash(rivals: Sequence[Claim], loaded: Sequence[str]) -> str:
    first, *others = sorted(rivals, key=lambda claim: claim.entry)
    left_out = {claim.entry.name for claim in others}
    example = ",".join(name for name in sorted(loaded) if name not in left_out)
    return (
        f"{first.space} {first.name!r} is registered by {' and by '.join(str(c.entry) for c in [first, *others])}, "
        f"so none of them provides it: load only one of them (as in {ONLY}={example}), or uninstall the others"
    )
