"""What is installed where this runs. A node may lack synthkit itself, so this imports nothing of it, and is sent there
by value: `ray.cloudpickle.register_pickle_by_value` of this module."""

from collections.abc import Iterable


def found(names: Iterable[str]) -> dict[str, str]:
    """The versions of these distributions, without those that are not there, and Python's major and minor one."""
    import platform
    from importlib import metadata

    versions = {"Python": ".".join(platform.python_version_tuple()[:2])}
    for name in names:
        if name not in versions:
            try:
                versions[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
    return versions
