"""Traffic whose drift is known, and the prediction log that it leaves.

The code that serves answers the texts: held-back reviews as they are, and what may replace them.
"""

import json
import os
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from function.core.artifact import Artifact
from function.core.types import Options
from scripts.common.progress import Progress
from scripts.data.labelled_texts import LabelledTexts, read_labelled, read_texts
from scripts.evaluate.evaluation import BATCH, open_predictor
from scripts.train.config import TrainConfig
from scripts.train.corpus import load_corpus

REVIEWS, SENTENCES = "imdb", "sst2"
TEST_FILE, UNLABELLED_FILE = Path("imdb/test.parquet"), Path("imdb/unlabelled.parquet")
OF_TEST, OF_UNLABELLED, OF_CHANGED = 4000, 2500, 1500
SEED = 20
CUT_CHARACTERS = 100
START, APART = datetime(2026, 1, 5, tzinfo=UTC), timedelta(seconds=30)


@dataclass(frozen=True)
class Traffic:
    """Texts, with their labels where they are known. means: in a few words, for a table."""

    name: str
    means: str
    texts: Sequence[str]
    truth: Sequence[str] | None = None


def known_traffic(artifact: Artifact, data: Path) -> list[Traffic]:
    """Return the reference, quiet traffic and planted drift.

    The reference is the part of the training file that the model did not train on, split off by
    movie as in its manifest.

    Args:
        artifact: The model that answers.
        data: A folder with `imdb/` and `sst2/`.

    Raises:
        DataError: A file is missing.
    """
    labels = artifact.manifest.labels
    corpus = load_corpus(TrainConfig.model_validate(artifact.manifest.provenance["config"]), data)
    test = _sample(read_labelled(data / TEST_FILE, labels), OF_TEST)
    changed = test.select(range(OF_CHANGED))
    sentences = _concatenate(corpus.validation[SENTENCES], corpus.test[SENTENCES])
    unlabelled = read_texts(data / UNLABELLED_FILE)
    chosen = np.random.default_rng(SEED).permutation(len(unlabelled))[:OF_UNLABELLED]

    def labelled(name: str, means: str, rows: LabelledTexts) -> Traffic:
        return Traffic(name, means, rows.texts, [labels[code] for code in rows.labels])

    def altered(name: str, means: str, change: Callable[[str], str]) -> Traffic:
        rows = LabelledTexts([change(text) for text in changed.texts], changed.labels, [])
        return labelled(name, means, rows)

    return [
        labelled("validation", "held-back reviews of other movies", corpus.validation[REVIEWS]),
        labelled("test", "test reviews", test),
        Traffic(
            "unlabelled",
            "raw reviews, neutral ones and HTML line breaks among them",
            [unlabelled[row] for row in chosen],
        ),
        labelled("sentences", "SST-2 sentences in place of reviews", sentences),
        altered("shuffled", "the words of each review shuffled", _shuffle),
        altered("cut", f"reviews cut to {CUT_CHARACTERS} characters", lambda t: t[:CUT_CHARACTERS]),
        altered("unknown", "an unknown language: every letter stands for another", _substitute),
        Traffic("german", "reviews in German, from templates", german_reviews()),
    ]


def german_reviews() -> list[str]:
    """Compose a few hundred short reviews from parts."""
    openings = (
        "Ich habe diesen Film gestern gesehen und",
        "Nach langer Zeit im Kino,",
        "Ehrlich gesagt,",
    )
    judgements = (
        "die Handlung hat mich sehr berührt.",
        "die Geschichte war furchtbar langweilig.",
        "die Schauspieler überzeugen von der ersten Minute an.",
        "das Drehbuch ist eine einzige Enttäuschung.",
        "die Bilder sind wunderschön, aber der Ton ist schlecht.",
        "man ärgert sich über jede verschwendete Stunde.",
    )
    details = (
        "Besonders die Musik passt hervorragend zu den ruhigen Szenen.",
        "Leider zieht sich das Ende unnötig in die Länge.",
        "Der Regisseur zeigt wieder einmal, was er kann.",
        "Von der Spannung des Buches ist nichts übrig geblieben.",
        "Meine Kinder haben den ganzen Abend gelacht.",
    )
    closings = (
        "Unbedingt ansehen!",
        "Das Geld für die Karte kann man sich sparen.",
        "Ich würde ihn jederzeit wieder anschauen.",
        "Schade um die guten Darsteller.",
    )
    return [" ".join(parts) for parts in product(openings, judgements, details, closings)]


def cached_log(traffic: Traffic, artifact: Path, cache: Path) -> Path:
    """Return the file with the log of traffic; make it if it is not there."""
    path = cache / f"{traffic.name}.jsonl"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        with partial.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in prediction_lines(traffic, artifact))
        os.replace(partial, path)
    return path


def prediction_lines(
    traffic: Traffic, artifact: Path, threads: int = 0
) -> Iterator[dict[str, Any]]:
    """Yield lines of predictions, and of feedback where the truth is known, in order."""
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


def _shuffle(text: str) -> str:
    words = text.split()
    return " ".join(words[n] for n in np.random.default_rng(len(text)).permutation(len(words)))


def _substitute(text: str) -> str:
    order = np.random.default_rng(SEED).permutation(26)
    small = "".join(string.ascii_lowercase[n] for n in order)
    return text.translate(str.maketrans(string.ascii_letters, small + small.upper()))


def _sample(rows: LabelledTexts, count: int) -> LabelledTexts:
    return rows.select([int(n) for n in np.random.default_rng(SEED).permutation(len(rows))[:count]])


def _concatenate(first: LabelledTexts, second: LabelledTexts) -> LabelledTexts:
    return LabelledTexts(first.texts + second.texts, first.labels + second.labels, [])
