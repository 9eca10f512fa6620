"""Compare latency, throughput, cold start, memory and size with a plain `transformers` pipeline."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from scripts.common.command_line import command_parser, needing, run

with needing("make tools"):
    from scripts.benchmark import (
        agreement,
        budgets,
        bulk,
        cascade,
        cold_image,
        cold_start,
        footprint,
        gpu,
        latency,
        machine,
        report,
        texts,
        throughput,
    )
    from scripts.benchmark.plan import (
        QUICK,
        QUICK_GPU,
        REVIEW,
        REVIEW_TOKENS,
        SHORT,
        SHORT_TEXT,
        GpuPlan,
        Plan,
        Subject,
        subject,
    )
    from scripts.benchmark.processes import baseline_server, our_server, serving
    from scripts.benchmark.rates import Tokens
    from scripts.benchmark.results import GpuResults, Results, as_json, read_gpu, write_results
    from scripts.evaluate.evaluation import open_predictor

REVIEWS = 8  # texts of a review's length, answered in turn


def main() -> None:
    parser = command_parser("scripts.benchmark", __doc__)
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
        default=Path("docs/benchmarks-gpu.json"),
        metavar="FILE",
        help="what scripts.benchmark_gpu found elsewhere, to be shown where this machine has no "
        "GPU; %(default)s",
    )
    parser.add_argument(
        "--cascade", choices=["auto", "off"], default="auto", help="off: leave its section out"
    )
    parser.add_argument("--quick", action="store_true", help="see that it runs; no figure counts")
    arguments = parser.parse_args()
    # An exception, so that servers under measurement are ended as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    quick, data = arguments.quick, arguments.data
    measured = subject(arguments.python)
    on_gpu = read_gpu(arguments.gpu)
    verdicts = []
    if gpu.in_reach():
        gpu_plan = QUICK_GPU if quick else GpuPlan()
        on_gpu = gpu.measure_gpu(measured, gpu_plan, "cuda", data, quick=quick)
        verdicts = on_gpu.budgets
    plan = QUICK if quick else Plan()
    if arguments.cascade == "off":
        plan = replace(plan, cascade_texts=0)
    results = measure_all(measured, plan, data, on_gpu, quick=quick)
    page = report.render(results)
    write_results(arguments.output, page)
    write_results(arguments.json, as_json(results))
    sys.stdout.write(page)
    budgets.check([*results.budgets, *verdicts])


def measure_all(
    subject: Subject, plan: Plan, data: Path | None, on_gpu: GpuResults | None, *, quick: bool
) -> Results:
    """Measure everything on CPU. Raises CommandError if both sides are not the same model."""
    described = machine.describe_machine()
    pool = texts.sample(data, max(plan.texts, 4 * REVIEWS, plan.cascade_texts))
    predictor = open_predictor(subject.model)
    artifact = predictor.artifact
    tokens = Tokens(artifact)
    counts = [len(tokens.of(text)) for text in pool.texts]
    reviews = texts.closest(pool.texts, counts, REVIEW_TOKENS, REVIEWS)
    under_load = texts.mix_lengths(pool.texts[: plan.texts], counts)
    lengths = {SHORT: [SHORT_TEXT], REVIEW: reviews}
    agreement.rebuild(artifact, subject.checkpoint)
    difference = agreement.check_agreement(subject, predictor)
    # Only its answers were needed: while others are measured, this process holds no session.
    del predictor
    starts = cold_start.measure_starts(subject, plan)
    from_image = cold_image.measure_cold_image(subject, plan)
    peaks = footprint.of_handler(subject, plan, reviews)
    models = latency.of_models(subject, plan, lengths)
    signals = latency.of_signals(subject, plan, lengths)
    with (
        serving(our_server(subject), SHORT_TEXT) as ours,
        serving(baseline_server(subject), SHORT_TEXT) as baseline,
    ):
        answers = latency.measure_latency(subject, plan, lengths, ours, baseline)
        load = throughput.measure_throughput(subject, plan, under_load, ours, baseline)
        peaks |= footprint.of_servers(ours, baseline)
        gained = None
        if artifact.manifest.cascade and plan.cascade_texts:
            whole = texts.mix_lengths(pool.texts[: plan.cascade_texts], counts)
            gained = cascade.measure_cascade(subject, plan, whole, ours)
    results = Results(
        machine=described,
        plan=plan,
        quick=quick,
        command="make benchmark DATA=FOLDER" if data else "make benchmark",
        model=f"{artifact.manifest.model} {artifact.version}",
        texts=pool.source,
        tokens={
            "short": float(len(tokens.of(SHORT_TEXT))),
            "review": fmean(len(tokens.of(text)) for text in reviews),
            "mean": fmean(counts[: plan.texts]),
            "most": float(artifact.manifest.tokenization.max_tokens),
        },
        agreement=difference,
        first_answer=starts,
        latency=answers,
        throughput=load,
        bulk=bulk.measure_bulk(subject, plan, under_load, load.best),
        memory=peaks,
        installed=footprint.installed_packages(subject),
        models=models,
        signals=signals,
        budgets=[],
        gpu=on_gpu,
        cascade=gained,
        cold_image=from_image,
    )
    return replace(results, budgets=budgets.judge_budgets(results))


if __name__ == "__main__":
    run(main)
