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
    """How often a full run measures each thing.

    Attributes:
        starts, slow_starts: fresh processes of ours, and of those that load torch.
        warm_up_starts: uncounted ones before, so that files are in memory and compiled to bytecode.
        latencies: answers of each kind and length.
        block: answers in a row before the next kind.
        signal_pairs: answers with and without signals, of each length.
        memory_requests: answers before memory is read.
        texts: of which the load consists.
        clients: the levels of load.
        rounds: load runs at each level.
        seconds: of one, after each client has had an answer.
        ceiling_seconds: the same against the echo server.
        batches: of the session alone, see `worker.batched`.
        pipeline_batches: of the pipeline alone.
        parts: turns in which the batches are tried.
        bulk_rows: of the file that is scored, once a round.
    """

    starts: int = 15
    slow_starts: int = 3
    warm_up_starts: int = 1
    latencies: int = 160
    block: int = 8
    signal_pairs: int = 600
    memory_requests: int = 20
    texts: int = 96
    clients: tuple[int, ...] = (1, 8, 32, 128)
    rounds: int = 3
    seconds: float = 4.0
    ceiling_seconds: float = 2.0
    batches: tuple[str, ...] = (
        *("1 text", "4 texts", "8 texts"),
        *("512 tokens", "1024 tokens", "4096 tokens"),
    )
    pipeline_batches: tuple[int, ...] = (1, 8, 32)
    parts: int = 3
    bulk_rows: int = 960


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
)


@dataclass(frozen=True)
class GpuPlan:
    """How often a full run on a GPU measures each thing.

    Attributes:
        texts: that all sides read.
        batches: of the raw model, see `worker.batched`.
        pipeline_batches, precisions, workers: of the pipeline, all combinations.
        parts: turns in which these are tried.
        clients, texts_a_request: the levels of load, all combinations.
        seconds: of load at each.
        rounds: of all sides.
        matrix: rows of the matrices whose products show what the card can do.
    """

    texts: int = 2048
    batches: tuple[str, ...] = tuple(f"{1024 * 2**power} tokens" for power in range(3, 9))
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


@dataclass(frozen=True)
class Subject:
    """The model that is measured: its settings, its folder, and its checkpoint in fp32.

    Attributes:
        python: an interpreter with the Lambda's packages and no others, for each start searches
            all that are installed.
    """

    settings: Settings
    model: Path
    checkpoint: Path
    python: str = sys.executable

    def environment(self) -> dict[str, str]:
        """Return variables for our processes: one model, open to all, whatever the shell says."""
        return {"MODELS_DIR": str(self.model.parent), "DEFAULT_MODEL": self.model.name} | OPEN


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
