"""The pipeline file: loading it, finding its function and parameters, and keeping a copy of it and what it imports."""

import ast
import contextlib
import importlib.util
import inspect
import keyword
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn, get_type_hints

from pydantic import PydanticUserError, TypeAdapter, ValidationError

from synthkit.core.columns import hint
from synthkit.engine.parts import write_atomic
from synthkit.errors import PipelineError, StoreError, SynthkitError

PREFIX = "pipeline_file."
LOADING: ContextVar[Path | None] = ContextVar("LOADING", default=None)
"""The pipeline file that is being loaded: it must not run itself then."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of the pipeline's function, which is an option of the command line."""

    name: str
    type: Any
    default: Any
    required: bool


@dataclass(frozen=True)
class Source:
    """A loaded pipeline file."""

    path: Path
    module: ModuleType
    function: Callable[..., Any]

    @property
    def doc(self) -> str:
        """The docstring of the function, or of the file."""
        return inspect.cleandoc(self.function.__doc__ or self.module.__doc__ or "")

    def parameters(self) -> Sequence[Parameter]:
        """The typed parameters. Raises `PipelineError` for one without a type."""
        try:
            hints = get_type_hints(self.function)
        except Exception as error:  # an annotation in quotes may hold anything
            raise PipelineError(
                f"{self.path}: the types of the pipeline function cannot be read ({type(error).__name__}: {error}): "
                "define or import what they name"
            ) from error
        found = []
        for name, parameter in inspect.signature(self.function).parameters.items():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or name not in hints:
                raise PipelineError(f"{self.path}: give the parameter {name!r} of the pipeline function a type")
            required = parameter.default is parameter.empty
            found.append(Parameter(name, hints[name], None if required else parameter.default, required))
        return found

    def pipeline(self, given: Mapping[str, Any]) -> Any:
        """Calls the function with converted parameters; what it raises names the file and line."""
        values = {}
        for parameter in self.parameters():
            if parameter.name in given:
                try:
                    values[parameter.name] = TypeAdapter(parameter.type).validate_python(given[parameter.name])
                except ValidationError as error:
                    what = error.errors()[0]["msg"]
                    raise PipelineError(f"--{parameter.name.replace('_', '-')}: {what}") from error
                except PydanticUserError as error:
                    raise PipelineError(
                        f"{self.path}: the parameter {parameter.name!r} of the pipeline function has a type that no "
                        "option can be: use text, numbers, true or false, or paths"
                    ) from error
            elif parameter.required:
                option = parameter.name.replace("_", "-")
                raise PipelineError(f"{self.path} needs --{option}: it has no default")
            else:
                self._fits(parameter)
        with _blame(self.path):
            return self.function(**values)

    def _fits(self, parameter: Parameter) -> None:
        """Raises `PipelineError` for a default that is not of its parameter's type; None always is one."""
        if parameter.default is None:
            return
        try:
            TypeAdapter(parameter.type).validate_python(
                parameter.default, strict=parameter.type in (int, float, bool, str)
            )
        except ValidationError as error:
            raise PipelineError(
                f"{self.path}: the default of the parameter {parameter.name!r} of the pipeline function is "
                f"{parameter.default!r}: {error.errors()[0]['msg']}; give it one of its type"
            ) from error
        except PydanticUserError:  # a type that pydantic does not know
            return


def module_name(path: Path) -> str:
    """The module that a pipeline file is loaded as; files need not be named as modules are (`sft-v2.py`)."""
    name = re.sub(r"\W", "_", path.stem)
    return PREFIX + (name if name.isidentifier() and not keyword.iskeyword(name) else f"_{name}")


def load(path: Path) -> Source:
    """Loads a pipeline file. Raises `PipelineError` naming the file, and the line where there is one."""
    module = load_module(path)
    return Source(path, module, _function(path, module))


def load_module(path: Path) -> ModuleType:
    """Loads a file for the parts that are defined in it. Raises as `load` does."""
    try:
        if path.is_file():
            path.open("rb").close()
    except OSError as error:
        raise PipelineError(
            f"cannot read {path} ({error.strerror or error}): make it readable, or name another file"
        ) from error
    if path.exists() and not path.is_file() and not path.is_dir():
        raise PipelineError(f"{path} is no file: name a pipeline file")
    if path.is_dir():
        raise PipelineError(f"{path} is a folder: name the pipeline file in it")
    if not path.exists():
        near = [p.name for p in path.parent.glob("*.py")] if path.parent.is_dir() else []
        raise PipelineError(f"there is no file {path}{hint(path.name, near)}")
    name = module_name(path)
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(name, path, loader=_Anew(name, str(path)))
    if spec is None or spec.loader is None:
        raise PipelineError(f"{path} is no Python file: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    _once(path)
    with _blame(path), _loading(path):
        spec.loader.exec_module(module)
    return module


class _Anew(SourceFileLoader):
    """Compiles a file each time: Python's cache tells versions apart by size and second, so that a number changed right
    after a run would be the old one."""

    def path_stats(self, path: Any) -> NoReturn:
        raise OSError


def _once(path: Path) -> None:
    """Raises for a file that defines `pipeline` twice, where Python would silently take the last."""
    try:
        tree = ast.parse(path.read_bytes())
    except ValueError as error:  # null bytes, in Python before 3.11.4
        raise PipelineError(f"{path}: {error}") from error
    except SyntaxError:  # said better when it is loaded
        return
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    lines = [str(node.lineno) for node in tree.body if isinstance(node, kinds) and node.name == "pipeline"]
    if len(lines) > 1:
        raise PipelineError(f"{path} defines `pipeline` in lines {' and '.join(lines)}: keep one, rename the others")


@contextlib.contextmanager
def _loading(path: Path) -> Iterator[None]:
    token = LOADING.set(path)
    try:
        yield
    finally:
        LOADING.reset(token)


def _function(path: Path, module: ModuleType) -> Callable[..., Any]:
    from synthkit.engine.pipeline import Pipeline

    named = getattr(module, "pipeline", None)
    if isinstance(named, Pipeline):
        return lambda: named
    if inspect.isfunction(named):
        return named
    made = [f for f in vars(module).values() if inspect.isfunction(f) and f.__module__ == module.__name__ and _makes(f)]
    if len(made) == 1:
        return made[0]
    if made:
        names = ", ".join(f.__name__ for f in made)
        raise PipelineError(f"{path} has several pipelines ({names}): call the one to run `pipeline`")
    objects = [name for name, value in vars(module).items() if isinstance(value, Pipeline)]
    if objects:
        raise PipelineError(
            f"{path} has nothing called `pipeline`, but {', '.join(objects)}: give the one to run that name"
        )
    raise PipelineError(f"{path} has no pipeline: define `def pipeline(...) -> Pipeline:` in it")


def _makes(function: Callable[..., Any]) -> bool:
    returned = function.__annotations__.get("return")
    return returned is not None and "Pipeline" in (getattr(returned, "__name__", None) or str(returned))


class _blame:
    """Turns what user code raises into one sentence with file and line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None or not isinstance(error, Exception | SystemExit):
            return
        if isinstance(error, SyntaxError):
            line = f", line {error.lineno}" if error.lineno else ""
            text = f": {error.text.strip()}" if error.text else ""
            raise PipelineError(f"{error.filename or self.path}{line}: {error.msg}{text}") from error
        where = f"{self.path}{self._line(error)}"
        if isinstance(error, PipelineError):
            raise PipelineError(*(f"{where}: {problem}" for problem in error.problems)) from error
        if isinstance(error, SynthkitError):
            raise type(error)(f"{where}: {error}") from error
        raise PipelineError(f"{where}: {type(error).__name__}: {error}") from error

    def _line(self, error: BaseException) -> str:
        mine = str(self.path.resolve())
        frames = [f for f in traceback.extract_tb(error.__traceback__) if str(Path(f.filename).resolve()) == mine]
        return f", line {frames[-1].lineno}" if frames else ""


def keep(path: Path, folder: Path) -> str:
    """Copies a pipeline file and its local imports, found by reading it, into a folder; returns the file's name."""
    root = path.resolve().parent
    try:
        for file in local([path.resolve()], root):
            target = folder / file.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(target, [file.read_bytes()])
    except OSError as error:
        raise StoreError(f"cannot keep a copy of {path} in {folder}: {error.strerror}") from error
    return path.name


def local(files: Iterable[Path], root: Path) -> list[Path]:
    """These Python files, and all below `root` that they import, in turn; sorted."""
    pending, done = [*files], set[Path]()
    while pending:
        file = pending.pop()
        if file not in done:
            done.add(file)
            pending += _local_imports(file, root)
    return sorted(done)


def files_of(module: str, root: Path) -> list[Path]:
    """The files below `root` that importing a module runs: its packages' and its own."""
    return list(_files_of(module, root, root))


def _local_imports(file: Path, root: Path) -> Iterator[Path]:
    """The files below `root` that a Python file imports, wherever in it."""
    try:
        tree = ast.parse(file.read_bytes())
    except SyntaxError:  # nothing that runs imports it
        return
    for node in ast.walk(tree):
        names: list[str] = []
        base = root
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = file.parents[node.level - 1]
            stem = node.module or ""
            names = [stem, *(f"{stem}.{alias.name}".lstrip(".") for alias in node.names)]
        for name in names:
            yield from _files_of(name, base, root)


def _files_of(name: str, base: Path, root: Path) -> Iterator[Path]:
    place = base
    for part in name.split(".") if name else []:
        place = place / part
        for found in (place.with_suffix(".py"), place / "__init__.py"):
            if found.is_file() and found.resolve().is_relative_to(root):
                yield found.resolve()
