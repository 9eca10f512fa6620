"""How much is measured on a GPU."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GpuPlan:
    """How often each thing is done, and with what.

    texts: what is read. batches: of the raw model (see `backend_alone`). pipeline_batches,
    precisions, workers: what the pipeline is tried with (see `pipeline_alone`); parts: turns.
    clients, texts_a_request: the levels of load. seconds: of load at each. rounds: how often all
    of it is measured. matrix: rows of the matrices whose products tell what the card can do.
    """

    texts: int = 2048
    batches: tuple[str, ...] = (
        "8192 tokens",
        "16384 tokens",
        "32768 tokens",
        "65536 tokens",
        "131072 tokens",
        "262144 tokens",
    )
    pipeline_batches: tuple[int, ...] = (32, 128, 512)
    precisions: tuple[str, ...] = ("float32", "float16", "bfloat16")
    workers: tuple[int, ...] = (0, 4)
    parts: int = 2
    clients: tuple[int, ...] = (32, 128, 512)
    texts_a_request: tuple[int, ...] = (1, 32)
    seconds: float = 5.0
    rounds: int = 3
    matrix: int = 8192


QUICK_GPU = GpuPlan(
    texts=8,
    batches=("512 tokens", "1024 tokens"),
    pipeline_batches=(4,),
    precisions=("float32",),
    workers=(0,),
    parts=1,
    clients=(2,),
    texts_a_request=(1, 4),
    seconds=0.5,
    rounds=1,
    matrix=128,
)
