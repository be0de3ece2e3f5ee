"""A lane as another node sees it: reads pickled bytes, with another working folder and nothing in its environment."""

import json
import pickle
import sys
from pathlib import Path


def main() -> None:
    for_each = pickle.load(sys.stdin.buffer)  # noqa: S301
    said = []
    for number, (assignment, keys) in enumerate(for_each):
        said.append(told(assignment, keys, Path(f"lane-{number}")))
    sys.stdout.write(json.dumps(said))


def told(assignment, keys, folder):
    import asyncio
    import os

    from synthkit.core.record import Record
    from synthkit.errors import SynthkitError
    from synthkit.models.service import Services
    from synthkit.plugins import registry

    lacking = assignment.lacking()
    if lacking:
        return {"lacking": lacking}
    try:
        plan, project, settings, state = assignment.unpacked(folder, keys)
    except SynthkitError as error:
        return {"error": f"{type(error).__name__}: {error}"}
    services = Services(project, registry().provider)
    record = Record.generated("g", {"text": "  Some Text "}, 0)
    wrote = {}
    for stage in plan.stages:
        for part in stage.parts:
            if "plain" in part.label:
                wrote[part.label] = dict(asyncio.run(part.component.process(record, None)))
    refs = sorted({ref for _, c in plan.components() for ref in c.models()})
    return {
        "lacking": lacking,
        "labels": plan.shape.form(),
        "io": [repr(part.io) for stage in plan.stages for part in stage.parts],
        "items": [repr(part.items) for stage in plan.stages for part in stage.parts],
        "columns": [sorted(plan.columns.sure), sorted(plan.columns.maybe)],
        "specs": [spec_of(part.component) for stage in plan.stages for part in stage.parts],
        "settings": settings.form(),
        "state": {"run": state["run"], "name": state["name"]},
        "endpoints": [services[ref].model.endpoint for ref in refs],
        "addresses": [services[ref].model.base_url for ref in refs],
        "keyed": [services[ref].provider.endpoint.key is not None for ref in refs],
        "refused": [sorted(services[ref].learned.options(services[ref].identity)) for ref in refs],
        "prices": [str(services[ref].prices.cost(services[ref].model, usage())) for ref in refs],
        "redacted": project.redact("the key sk-loopback-0123456789abcdef is secret"),
        "environment": os.environ.get("OPENAI_ORG_ID"),
        "mode": oct(folder.stat().st_mode & 0o777),
        "wrote": wrote,
    }


def spec_of(component):
    return type(component).__name__


def usage():
    from synthkit.core.answer import Usage

    return Usage(1_000_000, 1_000_000)


if __name__ == "__main__":
    main()
