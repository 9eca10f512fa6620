"""One run, from the texts to the verdicts."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from function.core.predictor import Predictor
from scripts.benchmark import (
    agreement,
    bulk,
    checkpoint,
    first_answer,
    footprint,
    installed,
    latency,
    machine,
    models,
    signals,
    texts,
    throughput,
    verdicts,
)
from scripts.benchmark.answering import Tokens
from scripts.benchmark.gpu_results import GpuResults
from scripts.benchmark.plan import REVIEW, REVIEW_TOKENS, SHORT, SHORT_TEXT, Plan, Subject
from scripts.benchmark.processes import serving
from scripts.benchmark.results import Results
from scripts.benchmark.services import baseline_server, our_server
from scripts.evaluate.evaluation import open_predictor

REVIEWS = 8  # texts of a review's length, answered in turn


def measure(
    subject: Subject, plan: Plan, data: Path | None, gpu: GpuResults | None, *, quick: bool
) -> Results:
    """Everything but what a GPU did. Raises CommandError where the two sides are not the same
    model."""
    described = machine.describe()
    pool = texts.sample(data, max(plan.texts, 4 * REVIEWS))
    predictor = open_predictor(subject.model)
    tokens = _tokens(predictor, pool.texts)
    reviews = texts.closest(pool.texts, tokens, REVIEW_TOKENS, REVIEWS)
    under_load = texts.dealt(pool.texts[: plan.texts], tokens)
    checkpoint.rebuild(predictor.artifact, subject.checkpoint)
    difference = agreement.check(subject, predictor)
    artifact = predictor.artifact
    counts = {
        "short": float(_tokens(predictor, [SHORT_TEXT])[0]),
        "review": float(np.mean(_tokens(predictor, reviews))),
        "mean": float(np.mean(tokens[: plan.texts])),
        "most": float(artifact.manifest.tokenization.max_tokens),
    }
    # Only its answers were needed: while others are measured, this process holds no session.
    del predictor
    starts = first_answer.measure(subject, plan)
    peaks = footprint.of_handler(subject, plan, reviews)
    lengths = {SHORT: [SHORT_TEXT], REVIEW: reviews}
    every_model = models.measure(subject, plan, lengths)
    told = signals.measure(subject, plan, lengths)
    with (
        serving(our_server(subject), SHORT_TEXT) as ours,
        serving(baseline_server(subject), SHORT_TEXT) as baseline,
    ):
        answers = latency.measure(subject, plan, lengths, ours, baseline)
        load = throughput.measure(subject, plan, under_load, ours, baseline)
        peaks |= footprint.of_servers(ours, baseline)
    in_bulk = bulk.measure(subject, plan, under_load, load.best)
    sizes = installed.measure(subject)
    return Results(
        machine=described,
        plan=plan,
        quick=quick,
        command=_command(data, quick=quick),
        model=f"{artifact.manifest.model} {artifact.version}",
        texts=pool.source,
        tokens=counts,
        agreement=difference,
        first_answer=starts,
        latency=answers,
        throughput=load,
        bulk=in_bulk,
        memory=peaks,
        installed=sizes,
        models=every_model,
        signals=told,
        budgets=verdicts.of(plan, starts, answers, load.rounds, peaks, sizes, told, in_bulk),
        gpu=gpu,
    )


def _tokens(predictor: Predictor, chosen: Sequence[str]) -> list[int]:
    """Tokens that the model reads of each text."""
    tokens = Tokens(predictor.artifact)
    return [len(tokens.of(text)) for text in chosen]


def _command(data: Path | None, *, quick: bool) -> str:
    """How to run it again; of the data, the file's name alone."""
    options = [f"--data {data.name}"] if data else []
    return " ".join(["python -m scripts.benchmark", *options, *["--quick"] * quick])
