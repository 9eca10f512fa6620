"""The run on a GPU: the raw model, our server over it, and a pipeline, on the same card."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any, Self

from function.backends.choice import GPU_DEVICES
from function.core.artifact import open_artifact
from scripts.benchmark import agreement, budgets, machine
from scripts.benchmark.figures import GpuRound, LoadRun
from scripts.benchmark.plan import OFFLINE, SHORT_TEXT, GpuPlan, Subject
from scripts.benchmark.processes import Running, our_server, serving, work
from scripts.benchmark.results import GpuResults
from scripts.benchmark.texts import mix_lengths, sample
from scripts.benchmark.throughput import ask
from scripts.common.errors import CommandError
from scripts.common.progress import Progress

NO_GPU = {"CUDA_VISIBLE_DEVICES": ""}
COMMAND = "python -m scripts.benchmark_gpu"


def in_reach() -> bool:
    """Return whether torch sees a GPU here."""
    if not any(Path(device).exists() for device in GPU_DEVICES):
        return False
    found = work("matrix_rate", {"device": "cuda", "size": 8}, {})
    return found["card"] is not None


def measure_gpu(
    subject: Subject, plan: GpuPlan, device: str, data: Path | None, *, quick: bool
) -> GpuResults:
    """Measure all sides in each round; raise CommandError if torch lacks the device.

    `device` is cuda or cpu; a CPU shows that everything runs, and no more.
    """
    hidden = NO_GPU if device == "cpu" else {}
    card = work("matrix_rate", {"device": device, "size": plan.matrix}, hidden)
    if card["card"] is None:
        raise CommandError(
            "torch sees no GPU here: take a machine with one and 'make benchmark-gpu', which "
            "installs a build of torch for it, or --device cpu"
        )
    artifact = open_artifact(subject.model)
    agreement.rebuild(artifact, subject.checkpoint)
    pool = sample(data, plan.texts)
    texts = mix_lengths(pool.texts, [len(text) for text in pool.texts])
    raw = {
        "model": str(subject.model),
        "device": device,
        "precision": "auto",
        "texts": texts,
        "batches": plan.batches,
        "parts": plan.parts,
    }
    pipeline = {
        "checkpoint": str(subject.checkpoint),
        "texts": texts[: len(texts) // 2],
        "device": device,
        "precisions": plan.precisions,
        "batches": plan.pipeline_batches,
        "workers": plan.workers,
        "parts": plan.parts,
    }
    rounds = []
    described = machine.describe_machine()
    with (
        serving(our_server(subject, _environment(plan) | hidden), SHORT_TEXT) as running,
        Progress("GPU, rounds", plan.rounds) as progress,
    ):
        for _ in range(plan.rounds):
            alone = work("torch_rates", raw, hidden)
            loads = _loads(plan, texts, running)
            classified = work("pipeline_rates", pipeline, OFFLINE | hidden)
            rounds.append(GpuRound(alone["rates"], loads, classified))
            progress.advance(1)
    shape = Shape.read(artifact.file("config"))
    results = GpuResults(
        machine=described,
        card=card["card"],
        plan=plan,
        quick=quick,
        command=" ".join([COMMAND, *[f"--device {device}"] * bool(hidden), *["--quick"] * quick]),
        model=f"{artifact.manifest.model} {artifact.version}",
        texts=pool.source,
        matrix_rate=card["rate"],
        precision=alone["precision"],
        tokens=fmean(alone["tokens"]),
        flops=fmean(forward_flops(shape, tokens) for tokens in alone["tokens"]),
        rounds=rounds,
        budgets=[],
    )
    return replace(results, budgets=budgets.judge_gpu(results))


def _environment(plan: GpuPlan) -> dict[str, str]:
    """Return settings with room in the queue for all requests: refusing is not measured here."""
    room = 2 * max(plan.clients) * max(plan.texts_a_request)
    return {"BACKEND": "torch", "MAX_QUEUE": str(room)}


def _loads(plan: GpuPlan, texts: Sequence[str], running: Running) -> dict[str, LoadRun]:
    return {
        f"{clients} clients, {size} text{'s' * (size > 1)} a request": ask(
            running, texts, clients=clients, seconds=plan.seconds, texts_a_request=size
        )
        for size in plan.texts_a_request
        for clients in plan.clients
    }


@dataclass(frozen=True)
class Shape:
    """An encoder's shape: layers, width of a token, and width of the feed-forward part."""

    layers: int
    hidden: int
    inner: int

    @classmethod
    def read(cls, config: Path) -> Self:
        """Read a checkpoint's `config.json`, with BERT's names or DistilBERT's."""
        found: Mapping[str, Any] = json.loads(config.read_text(encoding="utf-8"))
        names = (
            ("num_hidden_layers", "n_layers"),
            ("hidden_size", "dim"),
            ("intermediate_size", "hidden_dim"),
        )
        return cls(*(int(found.get(first) or found[second]) for first, second in names))


def forward_flops(shape: Shape, tokens: int) -> float:
    """Return floating-point operations of one text's forward pass; a multiply-add is two.

    Matrix products only, and of real tokens only: for n tokens, width h and inner width f each
    layer takes 8nh² for its four projections, 4n²h for attention and 4nhf for the feed-forward
    part. With f = 4h that is the 24Bsh² + 4Bs²h of Narayanan et al. 2021, "Efficient Large-Scale
    Language Model Training on GPU Clusters Using Megatron-LM", appendix.
    """
    n, h, f = tokens, shape.hidden, shape.inner
    return float(shape.layers * (8 * n * h * h + 4 * n * n * h + 4 * n * h * f))
