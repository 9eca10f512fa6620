"""Golden sets in the words of the tiny artifacts, and models that know more or less of them."""

import json
from itertools import islice, product
from pathlib import Path
from typing import Any

from tests.tiny import write_artifact
from tests.tiny_entities import TAG_OF

GOOD, BAD = ("good", "fine"), ("bad", "dull")
KNOWS_HALF = {"good": 2.0, "bad": -2.0}
KNOWS_ALL = {"good": 2.0, "fine": 2.0, "bad": -2.0, "dull": -2.0}
CONFUSED = {"good": 2.0, "fine": -2.0, "bad": -2.0, "dull": 2.0}
NAMES = {"Ada Lovelace": "PER", "Paris": "LOC", "Acme": "ORG", "nobody": None}
KNOWS_NO_COMPANY = {word: tag for word, tag in TAG_OF.items() if word != "acme"}
# What a bag of four words cannot meet, or a file of some hundred bytes cannot promise.
LENIENT = """
floor_behaviour = 0.01
behaviour_drop = 0.99
floor_calibration = 0.99
calibration_rise = 0.99
latency_ratio = 1000
size_ratio = 10
"""


def golden_rows(count: int) -> list[dict[str, str]]:
    """As many different sentences, of each of the four words alike."""
    fillers = islice(product(("the", "film", "is"), repeat=5), count // 4)
    return [
        {"text": " ".join([*filler, word]), "label": "positive" if word in GOOD else "negative"}
        for filler in fillers
        for word in (*GOOD, *BAD)
    ]


def write_golden(path: Path, count: int = 400) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in golden_rows(count)))
    return path


def write_models(folder: Path) -> dict[str, Path]:
    """A, a better B, and a C worse than both."""
    return {
        name: write_artifact(folder / name, values=values)
        for name, values in {"A": KNOWS_HALF, "B": KNOWS_ALL, "C": CONFUSED}.items()
    }


def tagged_rows(count: int) -> list[dict[str, Any]]:
    """As many different sentences, each of which names one of NAMES at its end."""
    fillers = islice(product(("in", "met", "saw"), repeat=5), count // len(NAMES))
    rows = []
    for filler in fillers:
        for name, label in NAMES.items():
            text = " ".join([*filler, name])
            span = {"start": len(text) - len(name), "end": len(text), "label": label}
            rows.append({"text": text, "entities": [span] if label else []})
    return rows


def write_tagged_golden(path: Path, count: int = 400) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in tagged_rows(count)))
    return path
