"""What no registry has of the driver's distributions, packed for the lanes: installed from a folder or a local file."""

import hashlib
import importlib
import json
from collections.abc import Iterable, Iterator
from importlib import metadata, util
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from synthkit.errors import ConfigError, RunError

LEFT = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
"""Files of a .dist-info folder that tell how it was installed here."""


def origin(dist: metadata.Distribution) -> tuple[str, bool]:
    """Where a distribution was installed from, as PEP 610 has it, and whether that is on this machine: «https://…»,
    «git+https://…@commit», «file:///…»; "" for what came from a registry."""
    told = json.loads(dist.read_text("direct_url.json") or "{}")
    url = str(told.get("url", ""))
    if url.startswith("file:"):
        return url, True
    if vcs := told.get("vcs_info"):
        return f"{vcs['vcs']}+{url}@{vcs['commit_id']}", False
    return url, False


def packed(dists: Iterable[metadata.Distribution]) -> bytes:
    """A zip file of installed distributions, with what says that they are installed: to be a folder of `sys.path`. The
    same files are the same bytes. Raises `ConfigError` for one whose files cannot be found."""
    return _zipped(each for dist in dists for each in _files(dist))


def module(path: Path) -> bytes:
    """The same of a module or a package: a .py file, or a folder, which stands in it under its own name."""
    return _zipped(_module(path.resolve()))


def holds(data: bytes, secrets: Iterable[str]) -> str | None:
    """The file of a zip file in which one of these stands."""
    forms = [secret.encode() for secret in secrets if secret]
    with ZipFile(BytesIO(data)) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            if any(form in content for form in forms):
                return name
    return None


def sent(data: bytes, run: str) -> str:
    """Puts a zip file where nodes get it, and returns its URI. run: to whom it belongs."""
    kv = importlib.import_module("ray._private.runtime_env.packaging")
    uri = f"gcs://_ray_pkg_synthkit_{run}_{hashlib.sha256(data).hexdigest()[:24]}.zip"
    try:
        if not kv.package_exists(uri):
            kv.upload_package_to_gcs(uri, data)
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        raise RunError(f"--runtime-env: what is installed from local files cannot be sent ({said})") from error
    return uri


def forget(uris: Iterable[str]) -> None:
    """Takes away what was `sent`."""
    kv = importlib.import_module("ray.experimental.internal_kv")
    for uri in uris:
        kv._internal_kv_del(uri)


def _zipped(files: Iterable[tuple[str, Path]]) -> bytes:
    """A zip file of files, by where they go; it tells nothing of when they were made, and by whom."""
    made = BytesIO()
    with ZipFile(made, "w") as archive:
        for place, path in sorted(set(files)):
            try:
                content = path.read_bytes()
            except OSError as error:
                raise RunError(
                    f"--runtime-env: {path} cannot be read ({error.strerror}), and is to be sent to the cluster"
                ) from error
            about = ZipInfo(place)
            about.compress_type, about.external_attr = ZIP_DEFLATED, 0o644 << 16
            archive.writestr(about, content)
    return made.getvalue()


def _files(dist: metadata.Distribution) -> Iterator[tuple[str, Path]]:
    """The files of a distribution: where they go, and where they are."""
    listed = [(file, Path(str(dist.locate_file(file)))) for file in dist.files or ()]
    editable = json.loads(dist.read_text("direct_url.json") or "{}").get("dir_info", {}).get("editable")
    for file, path in listed:
        about = file.parts[0].endswith(".dist-info")
        if ".." in file.parts or "__pycache__" in file.parts or (about and file.name in LEFT):
            continue
        if about or not editable:
            yield str(file), path
    if editable:
        found = False
        for module in _tops(dist):
            for place in _roots(module):
                found = True
                yield from _module(place)
        if not found:
            raise ConfigError(
                f"--runtime-env: {dist.name} is installed from {origin(dist)[0]}, editable, and its modules are not "
                "found: install it without -e, or on the nodes"
            )


def _tops(dist: metadata.Distribution) -> list[str]:
    """The modules that an editable distribution may bring, whose files nobody lists."""
    told = {dist.name.replace("-", "_").replace(".", "_")} | {*(dist.read_text("top_level.txt") or "").split()}
    return sorted(told | {point.module.partition(".")[0] for point in dist.entry_points})


def _roots(module: str) -> list[Path]:
    try:
        spec = util.find_spec(module)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    places = spec.submodule_search_locations or ([spec.origin] if spec.origin else [])
    return [Path(place) for place in places]


def _module(path: Path) -> Iterator[tuple[str, Path]]:
    """The files of a module or a package, but for hidden ones, as .env: they are nobody's code."""
    if path.is_file():
        yield path.name, path
    for file in path.rglob("*"):
        place = file.relative_to(path.parent)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in place.parts)
        if file.is_file() and not hidden:
            yield place.as_posix(), file
