"""Writes the pages that are made from the code: the gallery, the reference, the commands.

    python docs/generate.py            writes them
    python docs/generate.py --check    says which of them are not what the code says, and exits with 1

`make reference` runs it, and a test compares.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


def pages() -> Mapping[str, str]:
    """Every generated page by its path below `docs`."""
    import generate_commands
    import generate_components
    import generate_python

    return {**generate_components.pages(), **generate_python.pages(), **generate_commands.pages()}


def stale(made: Mapping[str, str]) -> list[str]:
    """The pages that are missing, or not what the code says, and those of the reference that nothing makes."""
    wrong = [path for path, text in made.items() if not _is(HERE / path, text)]
    left = [f"reference/{path.name}" for path in sorted((HERE / "reference").glob("*.md"))]
    return wrong + [path for path in left if path not in made]


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text("utf-8") == text


def main() -> int:
    made = pages()
    wrong = stale(made)
    if "--check" in sys.argv[1:]:
        sys.stderr.writelines(f"docs/{path} is not what the code says: run `make reference`\n" for path in wrong)
        return 1 if wrong else 0
    for path in wrong:
        (HERE / path).parent.mkdir(exist_ok=True)
        if path in made:
            (HERE / path).write_text(made[path], "utf-8")
        else:
            (HERE / path).unlink()
        sys.stdout.write(f"docs/{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
