"""What parts are called in a run: by the registry, and those of a script after its file."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from synthkit.engine import source
from synthkit.errors import PipelineError
from synthkit.plugins import Registry


class Names:
    """The registry as a run sees it: parts of a script are named after its file, so that a copy can bring them."""

    def __init__(self, registry: Registry) -> None:
        main = getattr(sys.modules["__main__"], "__file__", None)
        self._registry = registry
        self.main = Path(main) if main and main.endswith(".py") else None
        self._alias = source.module_name(self.main) + ":" if self.main else ""

    def name_of(self, cls: type) -> str:
        name = self._registry.name_of(cls)
        return self._alias + name.removeprefix("__main__:") if self.main and name.startswith("__main__:") else name

    def component(self, name: str) -> type:
        return self._registry.component(self._found(name))

    def function(self, name: str) -> Callable[..., Any]:
        return self._registry.function(self._found(name))

    def _found(self, name: str) -> str:
        """The name under which this process has it."""
        if self._alias and name.startswith(self._alias) and self._alias[:-1] not in sys.modules:
            name = "__main__:" + name.removeprefix(self._alias)
        if name.startswith("__main__:") and not hasattr(sys.modules["__main__"], name[9:].partition(".")[0]):
            raise PipelineError(
                f"{name[9:]} was defined in a notebook or a prompt: continue there, with .run(folder=…)"
            )
        return name
