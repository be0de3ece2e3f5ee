"""What a field or a label means, guessed from its name and, where that says nothing, from its description."""

from functools import lru_cache
from re import findall
from typing import Literal

Role = Literal[
    "rationale", "score", "label", "rejected", "quote", "input", "output", "instruction", "topic", "name", "place",
    "date", "time", "email", "url", "steps", "code", "language", "difficulty", "company", "identity", "money", "age",
    "year", "amount", "",
]  # fmt: skip

_WORDS: tuple[tuple[Role, str], ...] = (
    ("rationale", "rationale reason reasons reasoning feedback explanation justification critique thought thoughts "
     "comment comments analysis why evaluation assessment remark remarks"),
    ("score", "score scores rating ratings grade quality points stars helpfulness relevance clarity correctness "
     "honesty truthfulness confidence overall usefulness mark"),
    ("identity", "id uuid identifier index"),
    ("label", "label labels category class classification sentiment tag type verdict decision choice intent winner"),
    ("rejected", "rejected bad worse wrong incorrect poor weak flawed distractor"),
    ("difficulty", "difficulty complexity level"),
    ("language", "language languages locale"),
    ("quote", "quote quotes quotation quotations citation citations evidence verbatim"),
    ("input", "input inputs context passage document paragraph source article material sentence review excerpt"),
    ("code", "code function snippet sql program"),
    ("output", "output outputs answer answers response responses completion solution reply result target summary "
     "translation chosen a"),
    ("instruction", "instruction instructions task tasks question questions prompt prompts query problem request "
     "exercise command q todo"),
    ("steps", "steps step plan"),
    ("topic", "topic topics subject theme title keyword keywords headline heading skill area domain concept"),
    ("email", "email mail"),
    ("url", "url link website uri"),
    ("date", "date day due deadline when birthday"),
    ("time", "time hour clock"),
    ("place", "city place town location country destination address"),
    ("company", "company firm organisation organization brand product"),
    ("name", "name person author user customer speaker persona character who firstname surname"),
    ("year", "year"),
    ("age", "age"),
    ("money", "price cost amount salary total budget"),
    ("amount", "count number quantity size length"),
    ("input", "text texts message statement claim notice data facts body content phrase list rows"),
)  # fmt: skip
_ROLES: dict[str, tuple[int, Role]] = {
    word: (rank, role) for rank, (role, names) in enumerate(_WORDS) for word in names.split()
}
_DESCRIBED = frozenset(("a", "bad", "mark", "level", "why", "who", "when", "day", "id", "type", "total", "overall"))


@lru_cache(4096)
def role_of(name: str, description: str = "") -> Role:
    """The role of a field, "" where neither its name nor its description tells."""
    words = findall(r"[a-z]+", "".join(f" {c.lower()}" if c.isupper() else c for c in name[:80]))
    words = words if name.islower() or not name.isupper() else [name.lower()]
    joined = findall(r"[a-z]+", name[:80].lower())
    found = [_ROLES[word] for word in {*words, *joined} if word in _ROLES and (len(word) > 1 or len(joined) == 1)]
    if found:
        return min(found)[1]
    for word in findall(r"[a-z]+", description[:200].lower()):
        if word in _ROLES and word not in _DESCRIBED:
            return _ROLES[word][1]
    return ""


_RIVALS = frozenset(
    ["harder", "revised", "rewritten", "evolved", "improved", "reworded", "new", "paraphrased", "refined", "final"]
)


def is_revision(name: str) -> bool:
    """Whether a field wants another version of what there is: «rewritten prompt»."""
    return any(word in _RIVALS for word in findall(r"[a-z]+", name[:80].lower()))
