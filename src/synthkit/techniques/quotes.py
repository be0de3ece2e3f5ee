"""Finding a quotation in a text, as somebody who knows what is not the same character and means the same."""

import re
import unicodedata

_SAME = str.maketrans(
    {
        **dict.fromkeys('‘’‚‛ʼ`´“”„‟«»"', "'"),
        **dict.fromkeys("‐‑‒–—―−", "-"),
    }
)
_LEFT_OUT = re.compile(r"\s*(?:\[\s*(?:\.\.\.|…)\s*\]|\.\.\.|…)\s*")
_STOPS = ".!?。！？"
_ENDS = " .,;:!?'*_-"
"""What models add at the ends of a quotation."""


def found(quote: str, text: str) -> tuple[int, int] | None:
    """Where a quotation stands in a text: start and end; None where it does not.

    It may differ in case, white space, marks of quotation and dashes, in Unicode's compatible characters, in marks at
    its ends, and by words left out between dots: its pieces then stand one after the other.
    """
    plain, places = _plain(text)
    pieces = [_plain(piece)[0].strip(_ENDS) for piece in _LEFT_OUT.split(quote)]
    pieces = [piece for piece in pieces if piece]
    first, at = -1, 0
    for piece in pieces:
        at = plain.find(piece, at)
        if at < 0:
            return None
        first = at if first < 0 else first
        at += len(piece)
    if not pieces:
        return None
    end = places[at - 1] + 1
    whole = quote.rstrip(" \t\r\n\"'”’»").endswith(tuple(_STOPS))
    return places[first], end + (whole and text[end : end + 1] in set(_STOPS))


def _plain(text: str) -> tuple[str, list[int]]:
    """A text as quotations are compared, and for each of its characters the place that it came from."""
    made, places = list[str](), list[int]()
    for place, character in enumerate(text):
        for one in unicodedata.normalize("NFKD", character).casefold().translate(_SAME):
            one = " " if one.isspace() else one
            if one != " " or (made and made[-1] != " "):
                made.append(one)
                places.append(place)
    return "".join(made), places
