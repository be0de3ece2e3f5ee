"""A pipeline with a bit of everything, whose model is a service on this machine."""

from pathlib import Path

from synthkit.testing import LoopbackServer

TOWNS = '''
"""Sights of towns."""
from dataclasses import replace

from pydantic import BaseModel

import synthkit as sk
from synthkit.filters import ExactDedup

TOWNS = ["Rome", "Oslo", "Lima", "Bari", "Cork", "Graz", "Fez", "Ghent"]


@sk.generator(writes=["town"], endless=True)
def towns(round: sk.Round):
    for number in range(round.start, round.start + round.want):
        yield {"town": TOWNS[round.rng("order").randrange(8) + number % 3 - 3] + f" {number} of {round.want}"}


class Draft(sk.Prompt):
    system = "You write for travellers."
    template = "Describe {{ town }}.{% if feedback %} Mind: {{ feedback }}{% endif %}"
    into = "draft"


@sk.filter(reads="draft")
def lucky(record):
    return sum(map(ord, record["draft"])) % 3 != 0, "unlucky"


class Sights(sk.Prompt):
    template = "Sights of {{ town }}, after: {{ draft }}"
    into = "sight"

    def io(self, have):
        return replace(super().io(have), fans_out=True)

    def read(self, answer, record):
        return [{"sight": f"{answer.text} ({number})"} for number in range(1 + len(answer.text) % 3)]


class Rate(sk.Prompt):
    template = "Rate {{ sight }}."
    share = True

    class Out(BaseModel):
        stars: int
        why: str


def pipeline() -> sk.Pipeline:
    """Sights of towns."""
    loop = sk.Loop(Draft("m"), until=lucky, max_rounds=2)
    return sk.Pipeline("towns", target=6) >> towns() >> loop >> Sights("m") >> ExactDedup("sight") >> Rate("m")
'''


def served(place: Path, server: LoopbackServer) -> None:
    """Names the server as the model «m» of the project."""
    model = f'[models.m]\nuse = "openai/m"\nbase_url = "{server.url}"\nendpoint = "here"\n'
    (place / "synthkit.toml").write_text(f"{model}[prices.m]\ninput = 100\noutput = 200\n")
