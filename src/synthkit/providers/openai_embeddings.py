"""OpenAI's embeddings, and those of every service that speaks its language.

Source: https://developers.openai.com/api/reference/resources/embeddings/methods/create
"""

import re
from collections.abc import Mapping
from typing import Any

from synthkit.core import Request, Vectors
from synthkit.errors import BadRequest, BrokenBody, OptionRefused
from synthkit.providers._reading import instead, json_value
from synthkit.providers.openai_client import Client
from synthkit.providers.openai_reading import text_of, usage

PATH = "/embeddings"
OPTIONS = frozenset({"dimensions", "extra"})
FIXED = ("model", "input", "encoding_format", "dimensions")
"""What `extra` cannot set, since it is part of every request or has an option of its own."""
OWN = re.compile(r"text-embedding-")
"""The models of OpenAI that make vectors, and do nothing else."""
LONGEST: Mapping[str, int] = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072}
"""The most dimensions of the models that let one choose."""


class Embeddings:
    """Requests for vectors on one line."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._packs: dict[str, bool] = {}  # by model: whether it is known to take, or to refuse, base64

    async def embed(self, request: Request) -> str:
        """One attempt. Vectors come as base64 where the service knows that, as OpenAI's SDK asks for them, too: a
        quarter of the bytes. One that refuses it is asked for numbers, and again so from then on."""
        packs = self._packs.get(request.model)
        try:
            text = await self._post(request, packed=packs is not False)
        except BrokenBody:
            if packs is None and not self._client.own:
                self._packs[request.model] = False  # it may be that; the next attempt will show, with money of its own
            raise
        except BadRequest as error:
            own_fault = isinstance(error, OptionRefused) and error.option in OPTIONS
            if packs is not None or self._client.own or own_fault or error.body is not None:
                raise
            text = await self._post(request, packed=False)  # it may be that, or the texts; a refusal costs nothing
            self._packs[request.model] = False
        else:
            self._packs.setdefault(request.model, True)
        return text

    async def _post(self, request: Request, *, packed: bool) -> str:
        text, headers = await self._client.post(PATH, body(request, packed), request.model, request.options.keys())
        self._client.check(text, headers, request.model, '"embedding"')
        return text

    def vectors(self, body: str) -> Vectors:
        """Reads a body. A service that tells no usage leaves it at zeros, which means unknown."""
        data = json_value(body)
        items = data.get("data") if isinstance(data, dict) else None
        if (
            not isinstance(data, dict)
            or not isinstance(items, list)
            or not all(isinstance(item, dict) and "embedding" in item for item in items)
        ):
            what = "vectors: does base_url name a service that makes them"
            said = instead(body, data, what, "does base_url end in /v1")
            raise BrokenBody(f"{self._client.place.host} answered with {said}")
        told = [item.get("index") for item in items]
        if sorted(n for n in told if type(n) is int) == [*range(len(items))]:
            items = [item for _, item in sorted(zip(told, items, strict=True), key=lambda pair: pair[0])]
        read = usage(data.get("usage"), "prompt", None)._replace(output=0, reasoning=0)
        return Vectors([item["embedding"] for item in items], read, text_of(data.get("model")))


def body(request: Request, packed: bool) -> dict[str, Any]:
    """The body of the HTTP request."""
    options = dict(request.options)
    extra = options.pop("extra", None) or {}
    kind = {"encoding_format": "base64"} if packed else {}
    return {**extra, "model": request.model, "input": list(request.inputs), **kind, **options}


def objection(request: Request, client: Client) -> str | None:
    """What of a request for vectors none of the models takes, or not this one."""
    name, options = f"{request.provider}/{request.model}", request.options
    for key in sorted(options.get("extra") or {}):
        if key in FIXED:
            return f"`extra` cannot set {key}, which {name} is told otherwise: leave it out there"
    wanted = options.get("dimensions")
    if not client.own or wanted is None:
        return None
    most = LONGEST.get(request.model)
    if most is None and request.model == "text-embedding-ada-002":
        return f"{name} makes vectors of 1,536 numbers only: leave out dimensions, or take text-embedding-3-small"
    if most is not None and wanted > most:
        return f"{name} makes vectors of up to {most:,} numbers: give fewer dimensions than {wanted:,}"
    return None
