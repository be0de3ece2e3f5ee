"""The rules by which Evol-Instruct eliminates what did not evolve, or cannot be answered."""

from pydantic import Field

from synthkit.core import IO, KEEP, Context, Filter, Have, Record, Verdict, drop
from synthkit.core.scripts import words
from synthkit.techniques.rouge import rouge_l

COPIED = (
    *("#given prompt#", "#the given prompt#", "#rewritten prompt#", "#created prompt#"),
    *("given prompt", "rewritten prompt", "created prompt", "given instruction", "rewritten instruction"),
    *("new instruction", "old instruction", "original instruction", "evolved instruction"),
)
"""What an instruction says that has copied its prompt; those of the original's prompt, too, which models know."""

_STOP_WORDS = """
a about after all also am an and any are as at be because been before being but by can could did do does doing for
from had has have having he her here him his how i if in into is it its just me more most my of on only or other our
out over own same she should so some such than that the their them then there these they this those through to too
under until up very was we were what when where which while who whom why will with would you your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())


class Evolved(Filter):
    """Drops a rewritten instruction that is no evolution of its parent.

    Reasons: too like its parent (ROUGE-L's F-measure with it is above `threshold`), copied the prompt (it has one of
    the phrases in `copied`, and its parent has not).
    """

    threshold: float = Field(0.7, ge=0, le=1)
    copied: tuple[str, ...] = COPIED

    def io(self, have: Have) -> IO:
        return IO.of(reads={"instruction": str, "parent": str})

    async def check(self, record: Record, ctx: Context) -> Verdict:
        text, parent = record["instruction"].casefold(), record["parent"].casefold()
        for phrase in self.copied:
            if phrase.casefold() in text and phrase.casefold() not in parent:
                return drop("copied the prompt", repr(phrase))
        score = rouge_l(text, parent)
        if score > self.threshold:
            return drop("too like its parent", f"ROUGE-L {score:.2f}", 1 - score)
        return KEEP


class Responded(Filter):
    """Drops an instruction whose response shows that it cannot be answered.

    Reasons: sorry (the response has fewer than `apology` words, and «sorry» is one of them), says nothing (all its
    words are English stop words, or it has none).
    """

    apology: int = 80

    def io(self, have: Have) -> IO:
        return IO.of(reads={"output": str})

    async def check(self, record: Record, ctx: Context) -> Verdict:
        text: str = record["output"]
        said = words(text)
        if "sorry" in said and len(text.split()) < self.apology:
            return drop("sorry", text[:200])
        return KEEP if any(word not in STOP_WORDS for word in said) else drop("says nothing", text[:200])
