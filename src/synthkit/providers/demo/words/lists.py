"""Lists of words and phrases, written as blocks of text."""


def words(text: str) -> tuple[str, ...]:
    """The words of a block."""
    return tuple(text.split())


def phrases(text: str) -> tuple[str, ...]:
    """The lines of a block."""
    return tuple(text.strip().splitlines())


def table(text: str) -> tuple[tuple[str, ...], ...]:
    """The lines of a block, in cells between upright strokes."""
    return tuple(tuple(part.strip() for part in line.split("|")) for line in phrases(text))
