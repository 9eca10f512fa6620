"""How much is measured, and on what."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from function.settings import Settings, load_settings

REPOSITORY = Path(__file__).resolve().parents[2]
CHECKPOINT = REPOSITORY / "build" / "benchmark" / "checkpoint"
EVENT = REPOSITORY / "tests" / "events" / "http_api_v2.json"
SHORT_TEXT = "A warm, funny film that never once talks down to us."
SHORT, REVIEW = "short", "review"  # the lengths of warm answers
BUDGET_CLIENTS = 32  # the level of load at which the server is held to the session alone
REVIEW_TOKENS = 300  # a typical IMDB review: their mean is 309, their median 227


@dataclass(frozen=True)
class Plan:
    """How often each thing is done.

    starts, slow_starts: fresh processes of ours, and of what loads torch. warm_up_starts: started
    before, and not counted, so that files lie in memory and are compiled to bytecode.
    latencies: answers of each kind and length. block: answers in a row before the next kind.
    signal_pairs: answers with and without signals, of each length.
    memory_requests: answers before memory is read.
    texts: what load is made of. clients: the levels of load. rounds: how often each is measured.
    seconds: how long, once each client has had an answer. ceiling_seconds: how long against a
    server that answers at once. batches: of the session alone (see `backend_alone`);
    pipeline_batches: of the pipeline alone; parts: turns that they are tried in.
    bulk_rows: of a file that is scored, once a round.
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
        "1 text",
        "4 texts",
        "8 texts",
        "512 tokens",
        "1024 tokens",
        "4096 tokens",
    )
    pipeline_batches: tuple[int, ...] = (1, 8, 32)
    parts: int = 3
    bulk_rows: int = 960


# Enough to see that everything runs, and no more.
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
class Subject:
    """What is measured: the settings that serve, the model's folder, and its fp32 twin.

    python: an interpreter with the Lambda's packages and no others: what else is installed is
    looked through at each start.
    """

    settings: Settings
    model: Path
    checkpoint: Path
    python: str = sys.executable

    def environment(self) -> dict[str, str]:
        """For processes of ours: open to everyone, one model, whatever the shell says."""
        return {"MODELS_DIR": str(self.model.parent), "DEFAULT_MODEL": self.model.name} | OPEN


OPEN = {"AUTH": "public", "HOST": "127.0.0.1"}
# No look-up on a hub may slow the baseline.
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}


def subject(python: str) -> Subject:
    """The model that the environment's settings serve by default."""
    settings = load_settings(Settings, os.environ)
    return Subject(
        settings,
        settings.models_dir.resolve() / settings.default_model,
        CHECKPOINT.resolve(),
        python,
    )
