"""Pull the newest model of a source, prove that it is no worse, and make it the candidate.

SOURCE is `registry`, `hub:REPO[@REVISION]`, `dir:PATH`, `mlflow:MODEL[@ALIAS]` or
`wandb:ENTITY/PROJECT/ARTIFACT[:ALIAS]`. Where there is nothing new it ends within seconds and
downloads nothing. A revision that the gate refused is tried again with --retry alone.
"""

import sys
from pathlib import Path

from scripts.common.command_line import needing, registry_parser, run, write_json, write_outputs
from scripts.common.errors import RefusedError
from scripts.gate.outcome import GateOutcome

with needing("make tools"):
    from scripts.refresh.refresh import refresh
    from scripts.refresh.updates import source_of
    from scripts.registry.registry import open_registry


def main() -> None:
    parser = registry_parser("scripts.refresh", __doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--retry", action="store_true", help="judge again what was judged before")
    parser.add_argument("--gate", type=Path, metavar="TOML", help="other limits of the gate")
    parser.add_argument("--json", type=Path, help="write what happened here")
    parser.add_argument("--report", type=Path, help="write the gate's report here, in Markdown")
    parser.add_argument(
        "--outputs", type=Path, metavar="FILE", help="add changed, version and verdict to it"
    )
    arguments = parser.parse_args()
    for path in filter(None, (arguments.json, arguments.report, arguments.outputs)):
        path.parent.mkdir(parents=True, exist_ok=True)  # now, and not after the candidate moved
    registry = open_registry(arguments.registry)
    result = refresh(
        registry,
        arguments.model,
        source_of(arguments.source, registry, arguments.model),
        gate_settings=arguments.gate,
        retry=arguments.retry,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    write_json({**result.document(), "source": arguments.source}, arguments.json)
    write_outputs(
        arguments.outputs,
        {
            "changed": str(result.changed).lower(),
            "version": result.version or "",
            "verdict": result.verdict,
        },
    )
    if arguments.report and result.report:
        arguments.report.write_text(result.report, encoding="utf-8")
    print(f"{result.model}: {result.verdict}: " + "\n  ".join(result.reasons))
    if result.decided and result.verdict is not GateOutcome.PASSED:
        raise RefusedError(
            f"{result.model} stays as it is; nothing moved. After a change of the golden set or of "
            "--gate, run again with --retry"
        )
    if result.changed:
        print(f"{result.model} candidate -> {result.version}")
        print(
            f"serve it: python -m scripts.promote --registry {arguments.registry} --model "
            f"{result.model} --version {result.version} && make run REGISTRY={arguments.registry} "
            f"MODELS={result.model}",
            file=sys.stderr,
        )


if __name__ == "__main__":
    run(main)
