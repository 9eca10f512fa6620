"""Measure what a preview's address answers on the golden sets of a registry.

Writes the figures of each served model that has a golden set: {MODEL: {version, measure, ...}}. It
waits where the address asks for that, which is throttled.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scripts.common.command_line import command_parser, needing, run, write_json
from scripts.common.errors import RegistryError

with needing("make tools"):
    from scripts.common.service_client import PatientClient, ServiceClient
    from scripts.data.forms import FORMS
    from scripts.evaluate.heads import answer_service
    from scripts.registry.golden_sets import current_golden
    from scripts.registry.registry import open_registry

MEASURES = ("accuracy", "f1", "spearman", "triplets_right")  # the one that a person looks at first


def main() -> None:
    parser = command_parser("scripts.workflow.measure_served", __doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--registry", default="registry", metavar="LOCATION")
    parser.add_argument("--json", type=Path, required=True, help="write the figures here")
    arguments = parser.parse_args()
    registry = open_registry(arguments.registry)
    measured = {}
    for model in registry.models():
        try:
            _, content = current_golden(registry.store, model)
        except RegistryError:  # a model may have no golden set yet
            continue
        measured[model] = measure(PatientClient(arguments.url, model), content)
    write_json(measured, arguments.json)


def measure(service: ServiceClient, golden: bytes) -> dict[str, Any]:
    """Return version and figures of a served model on the content of a golden set."""
    with TemporaryDirectory() as scratch:
        file = Path(scratch) / "golden.jsonl"
        file.write_bytes(golden)
        rows = FORMS[service.answer_key].read(file, service.labels, pairs=service.pairs)
    figures = answer_service(service, rows, service.name).figures
    name = next(each for each in MEASURES if each in figures)
    print(f"{service.name} {service.version}: {name} {figures[name]}")
    return {"version": service.version, "measure": name, "texts": len(rows), "figures": figures}


if __name__ == "__main__":
    run(main)
