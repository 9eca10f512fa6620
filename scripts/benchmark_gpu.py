"""Compare the throughput of the raw model, our server and a `transformers` pipeline on a GPU.

`make benchmark` shows the figures on its page, wherever that runs.
"""

import signal
import sys
from pathlib import Path

from scripts.common.command_line import command_parser, needing, run

with needing("make benchmark-gpu"):
    from scripts.benchmark import budgets, gpu, report
    from scripts.benchmark.plan import QUICK_GPU, GpuPlan, subject
    from scripts.benchmark.results import as_json, write_results


def main() -> None:
    parser = command_parser("scripts.benchmark_gpu", __doc__)
    parser.add_argument("--json", type=Path, required=True, help="where the figures go")
    parser.add_argument("--data", type=Path, help="real texts: a Parquet file's column 'text'")
    parser.add_argument(
        "--device",
        choices=("cuda", "cpu"),
        default="cuda",
        help="cpu, with --quick, shows that it runs where there is no GPU",
    )
    parser.add_argument("--quick", action="store_true", help="see that it runs; no figure counts")
    arguments = parser.parse_args()
    if arguments.device == "cpu" and not arguments.quick:
        parser.error("--device cpu: with --quick only, a CPU has nothing to prove here")
    # An exception, so that servers under measurement are ended as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    plan = QUICK_GPU if arguments.quick else GpuPlan()
    results = gpu.measure_gpu(
        subject(sys.executable), plan, arguments.device, arguments.data, quick=arguments.quick
    )
    write_results(arguments.json, as_json(results))
    print(report.gpu_section(results))
    budgets.check(results.budgets)


if __name__ == "__main__":
    run(main)
