"""Runs scripts one after the other, each as `__main__`, in one process, since starting Python and importing synthkit
takes longer than most examples. Reads their paths, a line each; answers with a JSON line each."""

import contextlib
import io
import json
import sys
import traceback
from pathlib import Path
from types import ModuleType


def run(path: str) -> dict[str, str]:
    """What a script prints, what it says on stderr, and the error that it ends with."""
    main = ModuleType("__main__")
    main.__file__ = path
    sys.modules["__main__"] = main
    printed, said, error = io.StringIO(), io.StringIO(), ""
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(said):
            exec(compile(Path(path).read_text("utf-8"), path, "exec"), main.__dict__)
    except BaseException:
        error = traceback.format_exc()
    return {"printed": printed.getvalue(), "said": said.getvalue(), "error": error}


if __name__ == "__main__":
    sys.path[0] = ""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(run(line.rstrip("\n"))) + "\n")
        sys.stdout.flush()
