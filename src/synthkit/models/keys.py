"""Keys: what of this process's environment other processes of a run need, which are on nodes with others."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from synthkit.core.provider import Provider

if TYPE_CHECKING:
    from synthkit.models.project import Project


@dataclass(frozen=True)
class Keys:
    """Values that are sent in a call of their own, and never shown, logged or written.

    variables: the keys and addresses of models, by variable; a `Project` that has `Keys` looks nowhere else for them.
    environment: the variables that providers themselves read (`Provider.variables`); None: to be unset. secrets: what
    to hide in texts, the longest first.
    """

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    environment: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, project: "Project", models: Iterable[str], providers: Callable[[str], type[Provider]]) -> "Keys":
        """Those that these models need, by the names that the pipeline uses. Raises `ConfigError` and `PluginError`
        for models that there are not."""
        variables: dict[str, str] = {}
        environment: dict[str, str | None] = {}
        for ref in dict.fromkeys(models):
            model = project.model(ref)
            provider = providers(model.provider)
            variables |= project.variables(model, provider)
            environment |= {name: project.environ(name) for name in provider.variables}
            project.endpoint(model, provider)  # from now on, its key is among the secrets
        return cls(variables, environment, project.secrets)

    def install(self) -> None:
        """Makes the environment of this process what providers read there in the other."""
        for name, value in self.environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
