"""Plans: how much is measured, and of which model."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from function.settings import Settings, load_settings

REPOSITORY = Path(__file__).resolve().parents[2]
CHECKPOINT = REPOSITORY / "build" / "benchmark" / "checkpoint"
EVENT = REPOSITORY / "tests" / "events" / "http_api_v2.json"
SHORT_TEXT = "A warm, funny film that never once talks down to us."
SHORT, REVIEW = "short", "review"  # the lengths of texts
BUDGET_CLIENTS = 32  # the level of load whose throughput has a budget
REVIEW_TOKENS = 300  # a typical IMDB review: their mean is 309, their median 227


@dataclass(frozen=True)
class Plan:
    """How often a full run measures each thing."""

    starts: int = 15  # fresh processes of ours
    slow_starts: int = 3  # fresh processes of those that load torch
    warm_up_starts: int = 1  # uncounted, so that files are in memory and compiled to bytecode
    latencies: int = 160  # answers of each kind and length
    block: int = 8  # answers in a row before the next kind
    signal_pairs: int = 600  # answers with and without signals, of each length
    memory_requests: int = 20  # answers before memory is read
    texts: int = 96  # of which the load consists
    clients: tuple[int, ...] = (1, 8, 32, 128)  # the levels of load
    rounds: int = 3  # load runs at each level
    seconds: float = 4.0  # of one, after each client has had an answer
    ceiling_seconds: float = 2.0  # the same against the echo server
    # of the session alone, see `rates.batch_windows`
    batches: tuple[str, ...] = (
        *("1 text", "4 texts", "8 texts"),
        *("512 tokens", "1024 tokens", "4096 tokens"),
    )
    pipeline_batches: tuple[int, ...] = (1, 8, 32)  # of the pipeline alone
    parts: int = 3  # turns in which the batches are tried
    bulk_rows: int = 960  # of the file that is scored, once a round
    cascade_texts: int = 480  # with a cascade and without
    cold_images: int = 3  # starts of each from a fresh file system


# Shows that everything runs, and no more.
QUICK = Plan(
    starts=1,
    slow_starts=1,
    warm_up_starts=0,
    latencies=2,
    block=1,
    signal_pairs=2,
    memory_requests=2,
    texts=16,
    clients=(1, 32),
    rounds=1,
    seconds=1.0,
    ceiling_seconds=0.2,
    batches=("1 text", "512 tokens"),
    pipeline_batches=(8,),
    parts=1,
    bulk_rows=16,
    cascade_texts=32,
    cold_images=1,
)


@dataclass(frozen=True)
class GpuPlan:
    """How often a full run on a GPU measures each thing."""

    texts: int = 2048  # that all sides read
    # of the raw model, see `rates.batch_windows`
    batches: tuple[str, ...] = tuple(f"{1024 * 2**power} tokens" for power in range(3, 9))
    # of the pipeline, with all precisions and workers
    pipeline_batches: tuple[int, ...] = (32, 128, 512)
    precisions: tuple[str, ...] = ("float32", "float16", "bfloat16")
    workers: tuple[int, ...] = (0, 4)
    parts: int = 2  # turns in which these are tried
    clients: tuple[int, ...] = (32, 128, 512)  # the levels of load, with all of `texts_a_request`
    texts_a_request: tuple[int, ...] = (1, 32)
    seconds: float = 5.0  # of load at each
    rounds: int = 3  # of all sides
    matrix: int = 8192  # rows of the matrices whose products show what the card can do


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


@dataclass(frozen=True)
class Subject:
    """The model that is measured: its settings, its folder, and its checkpoint in fp32."""

    settings: Settings
    model: Path
    checkpoint: Path
    python: str = sys.executable  # has the Lambda's packages alone: each start searches all

    def environment(self) -> dict[str, str]:
        """Return variables for our processes: one model, open to all, whatever the shell says."""
        return {"MODELS_DIR": str(self.model.parent), "DEFAULT_MODEL": self.model.name} | OPEN

    def image_environment(self) -> dict[str, str]:
        """Return the same for a handler, with what the function's image sets."""
        return self.environment() | {"TRUST_IMAGE": "true"}


OPEN = {"AUTH": "public", "HOST": "127.0.0.1"}
# No request to a hub may slow the baseline.
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}


def subject(python: str) -> Subject:
    """Return the model that the environment's settings serve by default."""
    settings = load_settings(Settings, os.environ)
    return Subject(
        settings,
        settings.models_dir.resolve() / settings.default_model,
        CHECKPOINT.resolve(),
        python,
    )
