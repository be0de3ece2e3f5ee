"""Finding phrases in texts, in any script."""

import re
import unicodedata

from synthkit.filters._text import normal

UNSPACED = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Letters of scripts that put no space between words: Thai, Lao, Tibetan, Burmese, Khmer, Japanese, Chinese."""
APOSTROPHES = str.maketrans("\u2019\u02bc", "''")


def plain(text: str) -> str:
    """A text as phrases are looked for: without case, white space as one space, one kind of apostrophe."""
    return normal(text).translate(APOSTROPHES)


def holds(text: str, phrase: str) -> bool:
    """Whether a phrase stands in a text as words of its own. Both are `plain`."""
    at = text.find(phrase)
    while at >= 0:
        end = at + len(phrase)
        if not (_joined(text[at - 1 : at], phrase[0]) or _joined(phrase[-1], text[end : end + 1])):
            return True
        at = text.find(phrase, at + 1)
    return False


def _joined(left: str, right: str) -> bool:
    """Whether two characters side by side are of one word: letters, digits, and the marks on them."""
    if not (_in_word(left) and _in_word(right)):
        return False
    return _is_mark(right) or not (UNSPACED.match(left) or UNSPACED.match(right))


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_" or _is_mark(character)


def _is_mark(character: str) -> bool:
    return character != "" and unicodedata.category(character).startswith("M")
