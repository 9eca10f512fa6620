"""Latency, throughput, cold start, memory and size beside a plain `transformers` pipeline."""

import argparse
import signal
import sys
from pathlib import Path

from scripts.benchmark import budgets, gpu, page
from scripts.benchmark.files import as_json, read_gpu, write
from scripts.benchmark.gpu_page import FILE
from scripts.benchmark.gpu_plan import QUICK_GPU, GpuPlan
from scripts.benchmark.plan import QUICK, Plan, subject
from scripts.benchmark.run import measure
from scripts.common.command_line import run


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.benchmark", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="the page, in Markdown")
    parser.add_argument("--json", type=Path, required=True, help="the same figures as JSON")
    parser.add_argument("--data", type=Path, help="real texts: a Parquet file's column 'text'")
    parser.add_argument(
        "--python",
        default=sys.executable,
        help="an interpreter with the Lambda's packages alone, for what is measured of the Lambda",
    )
    parser.add_argument(
        "--gpu",
        type=Path,
        default=Path(FILE),
        metavar="FILE",
        help="what scripts.benchmark_gpu found elsewhere, to be shown where this machine has no "
        "GPU; %(default)s",
    )
    parser.add_argument("--quick", action="store_true", help="see that it runs; no figure counts")
    arguments = parser.parse_args()
    # An exception, so that servers under measurement are ended as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    quick, data = arguments.quick, arguments.data
    measured = subject(arguments.python)
    on_gpu = read_gpu(arguments.gpu)
    promises = []
    if gpu.in_reach():
        plan = QUICK_GPU if quick else GpuPlan()
        on_gpu = gpu.measure(measured, plan, "cuda", data, quick=quick)
        promises = on_gpu.budgets
    results = measure(measured, QUICK if quick else Plan(), data, on_gpu, quick=quick)
    shown = page.render(results)
    write(arguments.output, shown)
    write(arguments.json, as_json(results))
    sys.stdout.write(shown)
    budgets.check([*results.budgets, *promises])


if __name__ == "__main__":
    run(main)
