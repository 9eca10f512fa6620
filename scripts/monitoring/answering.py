"""The prediction log that traffic would leave: answered by the code that serves, a line a text."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from function.core.types import Options
from scripts.common.progress import Progress
from scripts.evaluate.evaluation import BATCH, open_predictor
from scripts.monitoring.traffic import Traffic

START = datetime(2026, 1, 5, tzinfo=UTC)
APART = timedelta(seconds=30)


def answered_once(traffic: Traffic, artifact: Path, cache: Path) -> Path:
    """The log of traffic, in a file that is only made where it is not there."""
    path = cache / f"{traffic.name}.jsonl"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        with partial.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in answered(traffic, artifact))
        os.replace(partial, path)
    return path


def answered(traffic: Traffic, artifact: Path, threads: int = 0) -> Iterator[dict[str, Any]]:
    """Lines of predictions, and of feedback where the truth is known, in the texts' order."""
    predictor = open_predictor(artifact, threads)
    manifest = predictor.artifact.manifest
    texts = [(row, text) for row, text in enumerate(traffic.texts) if text.strip()]
    with Progress(traffic.name, len(texts)) as progress:
        for start in range(0, len(texts), BATCH):
            some = texts[start : start + BATCH]
            predictions = predictor.classify([text for _, text in some], Options())
            for (row, text), prediction in zip(some, predictions, strict=True):
                id_, time = f"{traffic.name}-{row}", f"{START + row * APART:%Y-%m-%dT%H:%M:%S.000Z}"
                yield {
                    "log": "prediction",
                    "id": id_,
                    "time": time,
                    "model": manifest.model,
                    "version": predictor.artifact.version,
                    "label": prediction.label,
                    "score": prediction.score,
                    "margin": prediction.scores[0].score - prediction.scores[1].score,
                    "characters": len(text),
                    "tokens": prediction.tokens,
                    "words": prediction.words,
                    "windows": prediction.windows,
                }
                if traffic.truth:
                    label = traffic.truth[row]
                    yield {"log": "feedback", "id": id_, "time": time, "label": label}
            progress.advance(len(some))
