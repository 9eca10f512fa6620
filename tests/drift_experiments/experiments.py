"""False alarms on quiet traffic, the requests until planted drift is found, and a table of both."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from scripts.common.markdown import markdown_table
from scripts.common.progress import Progress
from scripts.drift.distributions import Reference
from scripts.drift.prediction_log import PredictionLog
from scripts.drift.verdict import judge_drift
from scripts.drift.wording import NAMES

SIZES = (50, 100, 200, 500, 1000, 2000)
# Checked too, for a finer count of the requests until drift is found.
BETWEEN = (75, 150, 300, 700, 1500)
STREAMS = 100
SEED = 11
TURNED = 0.15
DILUTED = 0.2


@dataclass(frozen=True)
class Case:
    """Traffic to check. kinds: logs that requests are drawn from, each with its share."""

    name: str
    kinds: Sequence[tuple[float, PredictionLog]]

    def stream(self, count: int, generator: np.random.Generator) -> PredictionLog:
        """Draw requests at random, none twice as long as there are enough."""
        whole = generator.multinomial(count, [share for share, _ in self.kinds])
        logs = [
            log.select(generator.choice(len(log), size=size, replace=len(log) < size))
            for size, (_, log) in zip(whole, self.kinds, strict=True)
            if size
        ]
        return joined(logs).select(generator.permutation(count))


@dataclass(frozen=True)
class CaseResult:
    """The result of checking a hundred streams of a case.

    Attributes:
        case: The case's name.
        found: In how many streams a window of each size was called drift.
        median: Requests until half of the streams were; None if more than the largest window.
        features: Those that drifted in most of the largest windows, most often first.
    """

    case: str
    found: Mapping[int, int]
    median: int | None
    features: Sequence[str]


def experiment(reference: Reference, case: Case) -> CaseResult:
    """Check a hundred streams at every size; a window is the beginning of a stream."""
    generator = np.random.default_rng(SEED)
    sizes = sorted({*SIZES, *BETWEEN})
    found, first = Counter[int](), []
    features = Counter[str]()
    with Progress(case.name, STREAMS) as progress:
        for _ in range(STREAMS):
            stream = case.stream(sizes[-1], generator)
            verdicts = {size: judge_drift(reference, stream.select(slice(size))) for size in sizes}
            hits = [size for size, verdict in verdicts.items() if verdict.status == "drift"]
            found.update(hits)
            first.append(min(hits, default=None))
            features.update(each.feature for each in verdicts[sizes[-1]].drifted)
            progress.advance()
    half = sorted(each for each in first if each is not None)[STREAMS // 2 - 1 :]
    common = [feature for feature, count in features.most_common() if count > STREAMS // 2]
    return CaseResult(
        case.name, {size: found[size] for size in SIZES}, half[0] if half else None, common
    )


def quiet_cases(logs: Mapping[str, PredictionLog]) -> Iterator[Case]:
    """Yield traffic in which nothing is planted."""
    yield Case("test reviews", [(1, silent(logs["test"]))])
    yield Case("test reviews, with feedback", [(1, logs["test"])])


def planted_cases(logs: Mapping[str, PredictionLog]) -> Iterator[Case]:
    """Yield drift of known kinds, without feedback unless its name mentions it."""
    test = logs["test"]
    negative, positive = (
        test.select(np.flatnonzero(chosen)) for chosen in (_is_negative(test), ~_is_negative(test))
    )
    yield Case("SST-2 sentences in place of reviews", [(1, silent(logs["sentences"]))])
    few = [(DILUTED, silent(logs["sentences"])), (1 - DILUTED, silent(test))]
    yield Case(f"the same, {DILUTED:.0%} of the requests", few)
    yield Case("only negative reviews", [(1, silent(negative))])
    for share in (0.6, 0.7):
        mixed = [(share, silent(negative)), (1 - share, silent(positive))]
        yield Case(f"{share:.0%} negative reviews", mixed)
    yield Case("an unknown language (letters substituted)", [(1, silent(logs["unknown"]))])
    few = [(DILUTED, silent(logs["unknown"])), (1 - DILUTED, silent(test))]
    yield Case(f"the same, {DILUTED:.0%} of the requests", few)
    yield Case("short German reviews (templates)", [(1, silent(logs["german"]))])
    yield Case("reviews cut to 100 characters", [(1, silent(logs["cut"]))])
    yield Case("raw reviews: neutral ones, HTML breaks", [(1, silent(logs["unlabelled"]))])
    yield Case("words shuffled", [(1, silent(logs["shuffled"]))])
    yield Case("words shuffled, with feedback", [(1, logs["shuffled"])])
    turned = _turned(test)
    yield Case(f"{TURNED:.0%} of the labels turn", [(1, silent(turned))])
    yield Case(f"{TURNED:.0%} of the labels turn, with feedback", [(1, turned)])


def silent(log: PredictionLog) -> PredictionLog:
    """Return the same log without feedback."""
    return replace(log, correct=np.full(len(log), np.nan))


def joined(logs: Sequence[PredictionLog]) -> PredictionLog:
    """Concatenate logs of one model."""
    labels = sorted({label for log in logs for label in log.labels})
    answers = [np.zeros((len(log), len(labels))) for log in logs]
    for log, counts in zip(logs, answers, strict=True):
        counts[:, [labels.index(label) for label in log.labels]] = log.answers
    return PredictionLog(
        times=np.concatenate([log.times for log in logs]),
        versions=[version for log in logs for version in log.versions],
        labels=labels,
        answers=np.concatenate(answers),
        first=np.concatenate([log.first for log in logs]),
        scores=np.concatenate([log.scores for log in logs]),
        tokens=np.concatenate([log.tokens for log in logs]),
        words=np.concatenate([log.words for log in logs]),
        correct=np.concatenate([log.correct for log in logs]),
    )


def experiments_page(
    reference: Reference,
    quiet: Mapping[str, Sequence[CaseResult]],
    planted: Sequence[CaseResult],
    command: str,
) -> str:
    """Return both tables. quiet: results by the name of the reference."""
    head = [f"{size:,}" for size in SIZES]
    calm = [
        [f"{result.case}, compared with {name}", *_found(result), _features(result)]
        for name, results in quiet.items()
        for result in results
    ]
    drifted = [
        [result.case, *_found(result), _median(result), _features(result)] for result in planted
    ]
    return "\n".join(
        [
            f"Measured by `{command}`; {reference.texts:,} texts are the reference. The numbers "
            f"say how many of {STREAMS} windows of each size were called drift.",
            "",
            "Nothing is planted:",
            "",
            markdown_table(["traffic", *head, "by"], calm),
            "",
            "Drift is planted; `requests` is how many it takes until half of the streams are "
            "found:",
            "",
            markdown_table(["traffic", *head, "requests", "by"], drifted),
            "",
        ]
    )


def _is_negative(log: PredictionLog) -> npt.NDArray[np.bool_]:
    """Return where the truth is `negative`: it was answered and right, or was not and is wrong."""
    answered = log.answers[:, log.labels.index("negative")] == 1
    return np.asarray(answered == (log.correct == 1))


def _turned(log: PredictionLog) -> PredictionLog:
    """Change the truth of some texts, and nothing that can be seen of text or answer."""
    turn = np.random.default_rng(SEED).random(len(log)) < TURNED
    return replace(log, correct=np.where(turn, 1 - log.correct, log.correct))


def _found(result: CaseResult) -> list[str]:
    return [str(result.found[size]) for size in SIZES]


def _median(result: CaseResult) -> str:
    if result.median is None:
        return f"– (not in {SIZES[-1]:,})"
    return f"{result.median:,}"


def _features(result: CaseResult) -> str:
    return ", ".join(NAMES[feature] for feature in result.features) or "–"
