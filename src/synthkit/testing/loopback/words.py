"""Plain words for made-up answers."""

import hashlib
from random import Random

# 256 words, so that a byte picks one: enough that no two answers look like near-duplicates.
_TEXT = """
able again air also answer area arm baby back bank bear begin bell blue boat body book bridge bright bring
build cake call calm camp care carry chair chance child city class clean clear clock cloud coast coat color
cook cool corn court cover cross crowd dark deep desk dinner dog door draw dream early earth east easy eight
engine enter even face fair family farm fast field fill find fine fish five floor flower food forest fork four
fresh friend fruit garden gift girl give glass good grass gray green group grow guest hand hard harvest hat
head hear heavy hill hold home hope horse hour house idea island join judge keep kind king kitchen knife lake
lamp large laugh leaf learn leave light line lion listen long loud love lunch make march market meadow meal
milk mind mirror money moon morning mother mountain music name near neck nine noise north nose ocean office
often open order page paint paper park peace pencil people piano place plain plant plate point poor pretty
price queen question quick quiet ready record red rest rich ride right ring road rock roof room rope round
sail salt sand season seed seven shade sheep ship shirt shoe short shoulder silver simple sleep slow small
smile snow soft song sound spoon spring square star stone story street strong sugar summer sun sweet swim tail
tall teach thick three tower town tree valley village voice wait wall warm watch water wheat white wide wild
window winter wonder wood world write year yellow
"""
WORDS = tuple(_TEXT.split())


def sentence(dice: Random) -> str:
    """A sentence of four to eleven words."""
    return _sentence(dice.randbytes(4 + dice.randrange(8)))


def prose(*key: object) -> str:
    """Two to four sentences that depend on `key` alone."""
    source = hashlib.shake_128("\x1f".join(map(str, key)).encode("utf-8", "surrogatepass")).digest(48)
    ends = [5 + source[0] % 6, 12 + source[1] % 8, 24 + source[2] % 8, 36 + source[3] % 8][: 2 + source[4] % 3]
    begins = [0, *ends]
    return " ".join(_sentence(source[5 + a : 5 + b]) for a, b in zip(begins, ends, strict=False))


def chance(*key: object) -> float:
    """A number in [0, 1) that depends on `key` alone."""
    digest = hashlib.blake2b("\x1f".join(map(str, key)).encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def _sentence(source: bytes) -> str:
    return " ".join(WORDS[byte] for byte in source).capitalize() + "."
