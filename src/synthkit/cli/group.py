"""A group of commands that names the nearest one where there is no such command."""

import click


class Group(click.Group):
    """As click's, with an error of ours."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they were added."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command that the first argument names."""
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            import difflib

            near = next(iter(difflib.get_close_matches(args[0], known, 1, 0.5)), None)
            hint = f"did you mean {near}?" if near else f"there are {', '.join(known)}"
            if args[0].endswith(".py"):
                hint = f"write `{ctx.command_path} run {args[0]}`"
            raise click.UsageError(f"there is no command {args[0]}: {hint}", ctx=ctx)
        return super().resolve_command(ctx, args)
