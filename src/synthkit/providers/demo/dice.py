"""Dice: the demo model's source of chance, with a grammar to throw them on."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from random import Random
from re import Match, compile, split
from typing import TypeVar

from synthkit.providers.demo.words import GRAMMAR

T = TypeVar("T")


class Dice(Random):
    """A random generator that can pick and fill templates. Equal seeds give equal throws, in every process."""

    @classmethod
    def of(cls, *key: str) -> "Dice":
        """Dice that depend on these texts alone."""
        data = "\x1f".join(key).encode("utf-8", "surrogatepass")
        return cls(int.from_bytes(blake2b(data, digest_size=8).digest()))

    def pick(self, options: Sequence[T]) -> T:
        """One of them, each as likely; four times as fast as `choice`."""
        return options[int(self.random() * len(options))]

    def some(self, options: Sequence[T], number: int) -> list[T]:
        """So many different ones, in random order; all of them where there are fewer."""
        return self.sample(options, min(number, len(options)))

    def whole(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.random() * (high - low + 1))

    def chance(self, rate: float) -> bool:
        """True at this rate."""
        return self.random() < rate

    def fill(self, template: str, given: Mapping[str, str] | None = None) -> str:
        """The template with each `{slot}` filled: from `given`, else by the grammar, whose options may have slots."""
        if "{" not in template:
            return template
        made = []
        for number, part in enumerate(_parts(template)):
            if number % 2:
                if given is not None and part in given:
                    part = given[part]
                else:
                    part = self.fill(self.pick(GRAMMAR[part]), given)
            made.append(part)
        return "".join(made)

    def line(self, templates: Sequence[str], given: Mapping[str, str] | None = None) -> str:
        """One of the templates, filled; sentences begin with a capital letter."""
        return capital(_BEGINNINGS.sub(_upper, self.fill(self.pick(templates), given)))


_BEGINNINGS = compile(r"[.?!] [a-z]")


def _upper(found: Match[str]) -> str:
    return found[0].upper()


@lru_cache(4096)
def _parts(template: str) -> tuple[str, ...]:
    return tuple(split(r"\{(\w+)\}", template))


def capital(text: str) -> str:
    """The text with its first letter a capital one; the rest stays."""
    return text[:1].upper() + text[1:]


def small(text: str) -> str:
    """The text with its first letter small, unless it looks like a name or an acronym."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[:2] == "A " else text
