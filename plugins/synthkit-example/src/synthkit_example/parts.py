"""A generator, a step, a filter and a judge."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from synthkit import IO, KEEP, Context, Fields, Filter, Generator, Have, Judge, Record, Round, Step, Verdict, drop

SIGNS = {"plus": 1, "minus": -1}


class Arithmetic(Generator):
    """Makes sums of two whole numbers, as the columns `question` and `answer`.

    largest: the largest of the numbers; the least is 0.

    Example:
        Pipeline("example", target=3) >> Arithmetic(largest=9)
    """

    endless: ClassVar[bool] = True

    largest: int = Field(default=100, ge=1)

    def io(self, have: Have) -> IO:
        return IO.of(writes=("question", "answer"))

    def generate(self, round: Round) -> Iterator[Fields]:
        for number in range(round.start, round.start + round.want):
            rng = round.rng(number)
            left, right = rng.randint(0, self.largest), rng.randint(0, self.largest)
            word = rng.choice(sorted(SIGNS))
            yield {"question": f"What is {left} {word} {right}?", "answer": str(left + SIGNS[word] * right)}


class CountWords(Step):
    """Writes the number of words of a text column.

    column: the text. into: the column for the number.

    Example:
        Pipeline("example") >> Rows([{"question": "How far is it?"}]) >> CountWords()
    """

    column: str = "question"
    into: str = "words"

    def io(self, have: Have) -> IO:
        return IO.of(reads={self.column: str}, writes=self.into)

    async def process(self, record: Record, ctx: Context) -> Fields:
        return {self.into: len(record[self.column].split())}


class WordLimit(Filter):
    """Keeps records that are neither too short nor too long, as `CountWords` has counted their words.

    column: the number of words. least: how many there must be. most: how many there may be.

    Example:
        Pipeline("example", target=3) >> Arithmetic() >> CountWords() >> WordLimit(least=4, most=5)
    """

    column: str = "words"
    least: int = 1
    most: int = 100

    def io(self, have: Have) -> IO:
        return IO.of(reads={self.column: int})

    async def check(self, record: Record, ctx: Context) -> Verdict:
        words: int = record[self.column]
        if words < self.least:
            return drop("too few words", f"{words} words, and at least {self.least} are wanted")
        if words > self.most:
            return drop("too many words", f"{words} words, and at most {self.most} are wanted")
        return KEEP


class LengthJudge(Judge):
    """Scores a text from 1 to 5 by its length, without a model.

    column: the text. words_a_point: how many words earn a point.

    Example:
        Pipeline("example", target=3) >> Arithmetic() >> LengthJudge(words_a_point=1).at_least(4)
    """

    column: str = "question"
    words_a_point: int = Field(default=2, ge=1)

    def io(self, have: Have) -> IO:
        return IO.of(reads={self.column: str}, writes=self.written())

    async def process(self, record: Record, ctx: Context) -> Fields:
        words = len(record[self.column].split())
        points = min(5, max(1, words // self.words_a_point))
        score, rationale = self.written()
        return {score: float(points), rationale: f"{words} words, at {self.words_a_point} a point"}
