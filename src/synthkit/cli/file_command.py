"""A command that takes a pipeline FILE, whose parameters are options of the command."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from synthkit.cli.options import LATER, OWN, nearest, pipeline_options, run_options

if TYPE_CHECKING:
    from synthkit.engine.source import Source


class FileCommand(click.Command):
    """Its options are those of every run, and once FILE is known those of the pipeline in it."""

    source: "Source | None" = None
    options: Callable[[], Sequence[click.Option]] = staticmethod(run_options)
    """Those beside the pipeline's own."""
    whose = "every run"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["params"] = [click.Argument(["file"], type=str), *kwargs.get("params", ()), *type(self).options()]
        super().__init__(*args, **kwargs)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Loads the FILE among the arguments, and parses them with what it adds."""
        file = None if extra.get("resilient_parsing") else find_file(args, self.params)
        if file is None:
            return super().make_context(info_name, args, parent, **extra)
        from synthkit.engine.source import load

        source = load(Path(file))
        command = type(self)(self.name, callback=self.callback, help=self.help, epilog=self.epilog)
        command.params += pipeline_options(source)
        command.source = source
        return click.Command.make_context(command, info_name, args, parent, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, with errors that know of both kinds of options."""
        from synthkit.errors import ConfigError

        try:
            rest = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise ConfigError(self._unknown(ctx, error.option_name)) from error
        if self.source and Path(ctx.params["file"]) != self.source.path:
            raise ConfigError(
                f"{self.source.path} and {ctx.params['file']} both stand where FILE does: put the pipeline file first, "
                f"as in `{ctx.command_path} FILE --option value`"
            )
        return rest

    def invoke(self, ctx: click.Context) -> Any:
        """Hands the loaded file to the command."""
        assert self.source is not None
        ctx.params["source"] = self.source
        del ctx.params["file"]
        return super().invoke(ctx)

    def _unknown(self, ctx: click.Context, name: str) -> str:
        if name.removeprefix("--") in LATER:
            return f"the option {name} is kept for a later version of synthkit: leave it out"
        if any(name in option.opts for option in run_options()):
            return f"the option {name} is one of `synthkit run`: leave it out"
        near, option = nearest(name, self.params) or (None, None)
        if self.source is None:
            hint = f"did you mean {near}? If not, " if near else ""
            return f"there is no option {name} of {self.whose}: {hint}name the FILE, whose option it may be"
        if option is not None:
            whose = "this pipeline" if _own(option) else self.whose
            return f"there is no option {name}: did you mean {near}, an option of {whose}?"
        return f"there is no option {name}, neither of {self.source.path} nor of {self.whose}: see {self._see(ctx)}"

    def _see(self, ctx: click.Context) -> str:
        return f"`{ctx.command_path} {self.source.path if self.source else 'FILE'} --help`"

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What the pipeline says of itself, behind what the command does."""
        super().format_help_text(ctx, formatter)
        if self.source and self.source.doc:
            from synthkit.cli.text import plain

            formatter.write_paragraph()
            with formatter.indentation():
                said = "\n".join(plain(text) for text in self.source.doc.splitlines())
                formatter.write_text(f"{self.source.path}: {said}")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Both kinds, apart."""
        options = [p for p in self.get_params(ctx) if isinstance(p, click.Option)]
        for title, own in (("Options of this pipeline", True), (f"Options of {self.whose}", False)):
            records = [r for p in options if _own(p) is own and (r := p.get_help_record(ctx))]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
            elif own and self.source:
                with formatter.section(title):
                    formatter.write_text("none: its function has no parameters")
        if self.source is None:
            formatter.write_paragraph()
            formatter.write_text(f"A pipeline has options of its own: {self._see(ctx)} lists them.")


def find_file(args: Sequence[str], params: Sequence[click.Parameter]) -> str | None:
    """The argument that is the pipeline file, before it is known which of its options take a value.

    What follows an option that is not known yet may be its value: it is the file only if it looks like one, and
    nothing else does.
    """
    sure: list[str] = []
    maybe: list[str] = []
    for text, follows in _positionals(args, params):
        (maybe if follows else sure).append(text)
    python = [text for text in (*sure, *maybe) if text.endswith(".py")]
    return next(iter([*python, *sure]), None)


def _positionals(args: Sequence[str], params: Sequence[click.Parameter]) -> Iterator[tuple[str, bool]]:
    """Arguments that are neither options nor values of known ones, each with whether it follows an unknown one."""
    known = {flag: p for p in params if isinstance(p, click.Option) for flag in (*p.opts, *p.secondary_opts)}
    known["--help"] = click.Option(["--help"], is_flag=True)
    left = list(args)
    follows = False
    while left:
        text = left.pop(0)
        if text == "--":
            yield from ((rest, False) for rest in left)
            return
        if not text.startswith("-") or text == "-":
            yield text, follows
            follows = False
            continue
        option = known.get(text)
        follows = option is None and "=" not in text
        # one that may stand alone, as --ray, takes no other option for its value
        alone = option is not None and isinstance(option.flag_value, str) and left[:1] and left[0].startswith("-")
        if option is not None and not option.is_flag and left and not alone:
            left.pop(0)


def _own(option: click.Parameter) -> bool:
    return bool(option.name and option.name.startswith(OWN))
