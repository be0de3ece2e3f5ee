"""The options of every run, and the parameters of a pipeline's function as options beside them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from synthkit.engine.source import Parameter, Source

F = TypeVar("F", bound=Callable[..., Any])
LATER = ("gold", "workers", "force", "json")
"""Names kept for options that are to come: no parameter of a pipeline may have them."""
OWN = "own_"
"""Put before the names of a pipeline's parameters, so that none is taken for an argument of a command."""


def debug_option(command: F) -> F:
    """`--debug`, which `main` looks for itself: it must hold for errors in what stands before it, too."""
    option = click.option("--debug", is_flag=True, expose_value=False, help="Show where an error comes from.")
    return option(command)


def run_options() -> list[click.Option]:
    """The options of every run; None where nothing was given, so that the engine's own defaults hold."""
    option = click.Option
    return [
        option(["--target"], type=int, metavar="N", help="Accepted records to make.  [default: the pipeline's]"),
        option(["--seed"], type=int, metavar="N", help="Another seed is another data set.  [default: 0]"),
        option(["--export"], multiple=True, metavar="PATH:FORMAT", help="Also write training examples; may repeat."),
        option(["--split"], type=float, metavar="SHARE", help="Export so much for training, the rest for validation."),
        option(
            ["--on-bad-line"],
            type=click.Choice(["fail", "skip"]),
            help="What to do with lines of input files that are no records.  [default: fail]",
        ),
        option(["--run-dir"], metavar="FOLDER", help="New folder of the run.  [default: runs/NAME-001]"),
        *going_options("  [default: {}]"),
    ]


def going_options(default: str = "") -> list[click.Option]:
    """Those of them that a resumed run takes, too: there, what is not given stays as it was.

    default: how a default is shown.
    """
    option = click.Option
    often, at_once, patience, on = (default.format(usual) for usual in ("20%", 64, "10m", "hedge"))
    return [
        option(["--budget"], metavar="DOLLARS", help="Stop before more than this is spent."),
        option(["--max-rounds"], type=int, metavar="N", help="Stop after so many rounds, whatever the target."),
        option(["--max-failures"], metavar="N|N%", help=f"Stop when more records than this fail.{often}"),
        option(["--concurrency"], type=int, metavar="N", help=f"Calls at once for each model.{at_once}"),
        option(["--give-up-after"], metavar="TIME", help=f"How long a service may answer nothing good.{patience}"),
        option(["--hedge/--no-hedge"], default=None, help=f"Ask a second time what takes far too long.{on}"),
        ray_option(),
        runtime_env_option(),
        option(["--offline/--no-offline"], default=None, help="Make no call: answers come from the journal."),
        option(["--quiet"], is_flag=True, help="No progress, only the summary."),
        option(["--debug"], is_flag=True, expose_value=False, help="Show where an error comes from."),
    ]


def ray_option() -> click.Option:
    """`--ray`, alone or with an address. What can be no address is said at once, before FILE is found missing."""
    said = "On Ray: one of its own, auto, or HOST:PORT."
    return click.Option(["--ray"], is_flag=False, flag_value="local", callback=_address, metavar="[ADDRESS]", help=said)


def runtime_env_option() -> click.Option:
    """`--runtime-env`, alone or with a file."""
    said = "Have Ray install what the run needs, or what FILE says."
    return click.Option(["--runtime-env"], is_flag=False, flag_value="", metavar="[FILE]", help=said)


def _address(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None:
        from synthkit.engine.cluster.address import where

        where(value)
    return value


def preview_options() -> list[click.Option]:
    """The options of every preview."""
    option = click.Option
    kept = ("--target", "--seed", "--on-bad-line", "--budget", "--concurrency", "--offline", "--quiet", "--debug")
    return [
        option(["-n"], type=int, default=3, metavar="N", help="Records to take through.  [default: 3]"),
        option(["--full"], is_flag=True, help="Long texts whole."),
        option(["as_json", "--json"], is_flag=True, help="All of it, for programs."),
        *(given for given in run_options() if given.opts[0] in kept),
    ]


def estimate_options() -> list[click.Option]:
    """The options of every estimate."""
    option = click.Option
    kept = ("--target", "--seed", "--on-bad-line", "--budget", "--max-rounds", "--concurrency", "--offline", "--quiet")
    others = {"--budget": "Stop before the pilot costs more than this."}
    made = [given for given in run_options() if given.opts[0] in (*kept, "--debug")]
    for given in made:
        given.help = others.get(given.opts[0], given.help)
    return [
        option(["--pilot"], type=int, default=16, metavar="N", help="Source records to try.  [default: 16]"),
        option(["--compare"], metavar="A,B,C", help="These models side by side, each with a pilot of its own."),
        option(["--compare-as"], metavar="NAME", help="The pipeline's parameter that they are for.  [default: model]"),
        option(["as_json", "--json"], is_flag=True, help="All of it, for programs."),
        *made,
    ]


def nearest(name: str, params: Iterable[click.Parameter]) -> tuple[str, click.Parameter] | None:
    """The flag most like this one, and its option."""
    import difflib

    flags = {flag: p for p in params if isinstance(p, click.Option) for flag in (*p.opts, *p.secondary_opts)}
    bare = {flag.lstrip("-"): flag for flag in sorted(flags)}  # the dashes would make all of them alike
    near = difflib.get_close_matches(name.lstrip("-"), bare, 1, 0.6)
    return (bare[near[0]], flags[bare[near[0]]]) if near else None


def settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, as the engine takes it. Raises `ConfigError` naming the option that cannot be."""
    from synthkit.engine.settings import Settings
    from synthkit.errors import ConfigError

    names = (
        *("seed", "budget", "max_rounds", "max_failures", "concurrency", "offline", "on_bad_line", "split"),
        *("give_up_after", "hedge"),
    )
    found = {name: given[name] for name in names if given.get(name) is not None}
    try:
        Settings(**found)
    except ConfigError as error:
        name, space, said = str(error).partition(" ")
        raise ConfigError(f"{_flag(name)}{space}{said}" if name in names else str(error)) from error
    return found


def pipeline_options(source: "Source") -> list[click.Option]:
    """The parameters of a pipeline's function as options. Raises `PipelineError` for names that are taken, and for
    types that cannot be written on a command line."""
    from synthkit.errors import PipelineError

    problems: list[str] = []
    ours = [flag for option in [*run_options(), _help()] for flag in (*option.opts, *option.secondary_opts)]
    taken = dict.fromkeys(ours, "an option of every run")
    taken |= {"--full": "an option of every preview", "--against": "an option of `synthkit journal explain`"}
    taken |= dict.fromkeys(("--pilot", "--compare", "--compare-as"), "an option of `synthkit estimate`")
    taken |= {f"--{name}": "a name kept for an option of every run" for name in LATER if f"--{name}" not in taken}
    made = []
    for parameter in source.parameters():
        flags = _flags(parameter)
        for flag in flags:
            if flag in taken:
                problems.append(
                    f"{source.path}: the parameter {parameter.name!r} of the pipeline function clashes with {flag}, "
                    f"{taken[flag]}: rename the parameter"
                )
            taken.setdefault(flag, f"an option by the parameter {parameter.name!r}")
        try:
            made.append(_option(parameter, flags))
        except TypeError as error:
            problems.append(f"{source.path}: the parameter {parameter.name!r} of the pipeline function {error}")
    if problems:
        raise PipelineError(*problems)
    return made


def several_values(parameter: "Parameter") -> bool:
    """Whether a parameter takes several values."""
    return _bare(parameter.type)[1]


def pipeline_of(source: "Source", given: Mapping[str, Any]) -> Any:
    """The pipeline that the function makes of its options. Raises `PipelineError` naming all that are missing."""
    from synthkit.errors import PipelineError

    values = own_values(given)
    missing = [p.name for p in source.parameters() if p.required and p.name not in values]
    if missing:
        raise PipelineError(
            *(f"{source.path} needs {_flag(name)}: it has no default" for name in missing),
        )
    return source.pipeline(values)


def own_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """The pipeline's own parameters that were given, by their names in the function."""
    own = {name.removeprefix(OWN): value for name, value in given.items() if name.startswith(OWN)}
    return {name: list(v) if isinstance(v, tuple) else v for name, v in own.items() if v is not None and v != ()}


class Chosen(click.Choice[str]):
    """One of several values, which need not be text."""

    def __init__(self, values: Iterable[Any]) -> None:
        self.values = {str(value): value for value in values}
        super().__init__(list(self.values))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self.values[super().convert(value, param, ctx)]


def _help() -> click.Option:
    return click.Option(["--help"], is_flag=True)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _flags(parameter: "Parameter") -> Sequence[str]:
    flag = _flag(parameter.name)
    if _bare(parameter.type)[0] is bool:
        return (flag, flag.replace("--", "--no-", 1))
    return (flag,)


def _option(parameter: "Parameter", flags: Sequence[str]) -> click.Option:
    kind, multiple = _bare(parameter.type)
    name = OWN + parameter.name
    text = _help_of(parameter, multiple)
    if kind is bool:
        return click.Option([name, "/".join(flags)], default=None, help=text)
    return click.Option([name, *flags], type=_click_type(kind), multiple=multiple, metavar=_metavar(kind), help=text)


def _bare(kind: Any) -> tuple[Any, bool]:
    """A type without what makes it optional, and whether there may be several."""
    import collections.abc
    import types
    from typing import Annotated, Union, get_args, get_origin

    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _bare(arguments[0])
    if origin in (Union, types.UnionType):
        left = [a for a in arguments if a is not type(None)]
        return _bare(left[0]) if len(left) == 1 else (kind, False)
    if origin in (list, tuple, set, frozenset, collections.abc.Sequence, collections.abc.Iterable):
        return (_bare(arguments[0])[0] if arguments else str), True
    if kind in (list, tuple, set, frozenset):
        return str, True
    return kind, False


def _click_type(kind: Any) -> Any:
    """What click converts; other types get the text, and pydantic converts it."""
    from collections.abc import Mapping as AnyMapping
    from enum import Enum
    from typing import Literal, get_args, get_origin

    if get_origin(kind) is Literal:
        return Chosen(get_args(kind))
    bare = get_origin(kind) or kind
    if isinstance(bare, type):
        if issubclass(bare, Enum):
            return Chosen(member.value for member in bare)
        if issubclass(bare, Path):
            return click.Path(path_type=Path)
        if bare in (int, float):
            return bare
        if issubclass(bare, AnyMapping) or hasattr(bare, "model_fields"):
            raise TypeError(f"is a {bare.__name__}, which no option can be: use text, numbers, true or false, or paths")
    return str


def _metavar(kind: Any) -> str | None:
    from typing import get_origin

    bare = get_origin(kind) or kind
    names = {str: "TEXT", int: "INTEGER", float: "NUMBER"}
    if bare in names:
        return names[bare]
    if isinstance(bare, type) and issubclass(bare, Path):
        return "PATH"
    made = _click_type(kind)
    return None if isinstance(made, click.Choice) else getattr(bare, "__name__", "TEXT").upper()


def _help_of(parameter: "Parameter", multiple: bool) -> str:
    from enum import Enum

    from synthkit.cli.text import plain

    said = "May repeat.  " if multiple else ""
    if parameter.required:
        return f"{said}[required]"
    default = parameter.default
    if default is None or default == [] or default == ():
        return said.strip()
    if isinstance(default, bool):
        text = _flags(parameter)[not default]
    elif isinstance(default, Enum):
        text = str(default.value)
    elif isinstance(default, list | tuple | set | frozenset):
        text = ", ".join(str(item) for item in default)
    else:
        text = str(default) or '""'
    return f"{said}[default: {plain(text)}]"
