"""Texts that a model is shown to judge, so that they stay what they are: material, and no message to it."""

from collections.abc import Mapping
from typing import Any

from synthkit.core.values import compact, digest


def marked(material: Mapping[str, Any]) -> str:
    """Texts by name, each between two marker lines. Their code is the hash of all texts, so that none can hold it."""
    texts = {name: value if isinstance(value, str) else compact(value) for name, value in material.items()}
    code = digest(texts, size=4)
    return "\n\n".join(
        f"[{name} {code}]\n{text.strip() or '(empty)'}\n[end of {name} {code}]" for name, text in texts.items()
    )
