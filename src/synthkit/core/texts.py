"""Texts as they are compared."""

import unicodedata
from typing import Literal


def normal(text: str, *, form: Literal["NFC", "NFKC"] = "NFKC", lower: bool = True, strip: bool = True) -> str:
    """A text in Unicode's normal form; lower: without case; strip: without outer white space, inner runs of it as one
    space."""
    text = unicodedata.normalize(form, text)
    if lower:
        # folding may undo the normal form ("ŉ"), so it is made again
        text = unicodedata.normalize(form, text.casefold())
    return " ".join(text.split()) if strip else text
