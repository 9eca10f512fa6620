"""The GPU's section: the raw model, our server over it, and a pipeline, on the same card."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from function.backends.choice import GPU_DEVICES
from function.core.artifact import open_artifact
from scripts.benchmark import budgets, checkpoint, gpu_results, machine, texts
from scripts.benchmark.cells import Cell, ask
from scripts.benchmark.figures import Spread
from scripts.benchmark.gpu_plan import GpuPlan
from scripts.benchmark.gpu_results import GpuResults, GpuRound
from scripts.benchmark.plan import OFFLINE, SHORT_TEXT, Subject
from scripts.benchmark.processes import Running, serving, work
from scripts.benchmark.services import our_server
from scripts.common.errors import CommandError
from scripts.common.progress import Progress

DEVICES = ("cuda", "cpu")
NO_GPU = {"CUDA_VISIBLE_DEVICES": ""}
COMMAND = "python -m scripts.benchmark_gpu"


def in_reach() -> bool:
    """Whether torch sees a GPU here."""
    if not any(Path(device).exists() for device in GPU_DEVICES):
        return False
    found = work("scripts.benchmark.matrix_rate", {"device": "cuda", "size": 8}, {})
    return found["card"] is not None


def measure(
    subject: Subject, plan: GpuPlan, device: str, data: Path | None, *, quick: bool
) -> GpuResults:
    """Everything. device: of DEVICES; a CPU shows that it runs, and no more.

    Raises CommandError where torch has no such device.
    """
    hidden = NO_GPU if device == "cpu" else {}
    job = {"device": device, "size": plan.matrix}
    card = work("scripts.benchmark.matrix_rate", job, hidden)
    if card["card"] is None:
        raise CommandError(
            "torch sees no GPU here: take a machine with one and 'make benchmark-gpu', which "
            "installs a build of torch for it, or --device cpu"
        )
    artifact = open_artifact(subject.model)
    checkpoint.rebuild(artifact, subject.checkpoint)
    pool = texts.sample(data, plan.texts)
    lengths = [len(text) for text in pool.texts]
    dealt = texts.dealt(pool.texts, lengths)
    rounds = []
    described = machine.describe()
    with (
        serving(our_server(subject, _environment(plan, hidden)), SHORT_TEXT) as running,
        Progress("GPU, rounds", plan.rounds) as progress,
    ):
        for _ in range(plan.rounds):
            alone = _raw(subject, plan, dealt, device, hidden)
            loads = _loads(plan, dealt, running)
            pipeline = _pipeline(subject, plan, dealt, device, hidden)
            rounds.append(GpuRound(alone["rates"], loads, pipeline))
            progress.advance(1)
    return GpuResults(
        machine=described,
        card=card["card"],
        plan=plan,
        quick=quick,
        command=" ".join([COMMAND, *[f"--device {device}"] * bool(hidden), *["--quick"] * quick]),
        model=f"{artifact.manifest.model} {artifact.version}",
        texts=pool.source,
        matrix_rate=card["rate"],
        precision=alone["precision"],
        tokens=alone["tokens"],
        flops=alone["flops"],
        rounds=rounds,
        budgets=[
            budgets.beside_raw(
                Spread.of(gpu_results.ratios(rounds, gpu_results.server, gpu_results.raw))
            ),
            budgets.times_pipeline(
                Spread.of(gpu_results.ratios(rounds, gpu_results.server, gpu_results.pipeline))
            ),
        ],
    )


def _environment(plan: GpuPlan, hidden: dict[str, str]) -> dict[str, str]:
    """Room in the queue for all that these clients ask at once: refusing is not measured here."""
    room = 2 * max(plan.clients) * max(plan.texts_a_request)
    return {"BACKEND": "torch", "MAX_QUEUE": str(room)} | hidden


def _raw(
    subject: Subject, plan: GpuPlan, dealt: Sequence[str], device: str, hidden: dict[str, str]
) -> Any:
    job = {
        "model": str(subject.model),
        "device": device,
        "precision": "auto",
        "texts": dealt,
        "batches": plan.batches,
        "parts": plan.parts,
    }
    return work("scripts.benchmark.torch_alone", job, hidden)


def _loads(plan: GpuPlan, dealt: Sequence[str], running: Running) -> dict[str, Cell]:
    return {
        f"{clients} clients, {size} text{'s' * (size > 1)} a request": ask(
            running, dealt, clients=clients, seconds=plan.seconds, texts_a_request=size
        )
        for size in plan.texts_a_request
        for clients in plan.clients
    }


def _pipeline(
    subject: Subject, plan: GpuPlan, dealt: Sequence[str], device: str, hidden: dict[str, str]
) -> Any:
    job = {
        "checkpoint": str(subject.checkpoint),
        "texts": dealt[: len(dealt) // 2],
        "device": device,
        "precisions": plan.precisions,
        "batches": plan.pipeline_batches,
        "workers": plan.workers,
        "parts": plan.parts,
    }
    return work("scripts.benchmark.pipeline_alone", job, OFFLINE | hidden)
