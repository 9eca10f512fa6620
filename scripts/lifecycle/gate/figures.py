"""The figures of candidate and champion side by side, whatever their task measures."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from scripts.lifecycle.gate.judgement import Subject
from scripts.lifecycle.gate.wording import percent

# Figures that are no shares: what they are called, and how they are written.
OTHERS: dict[str, tuple[str, Callable[[float], str]]] = {
    "calibration_error": ("calibration error", "{:.3f}".format),
    "log_loss": ("log loss, nats", "{:.3f}".format),
    "entities": ("entities", "{:.0f}".format),
    "median_ms": ("median latency, ms", "{:.2f}".format),
    "bytes": ("size, MB", lambda count: f"{count / 1e6:.2f}"),
}
TOLD_BEFORE = {"texts"}
# Figures that have an interval, and what its ends are called. No others are taken for ends: an
# entity's label may be called `low`.
INTERVALS = {name: (f"{name}_low", f"{name}_high") for name in ("accuracy", "exact_texts")}
ENDS = {end for ends in INTERVALS.values() for end in ends}


def figure_rows(subjects: Sequence[Subject]) -> Iterator[list[str]]:
    """A name, and what each subject has: every figure, with its interval, then every check of
    behaviour. One that a subject lacks is a dash."""
    names = dict.fromkeys(name for subject in subjects for name in subject.figures)
    for name in names:
        if name not in TOLD_BEFORE | ENDS:
            title, _ = _style(name)
            yield [title, *(_written(name, subject.figures) for subject in subjects)]
    for name in subjects[0].behaviour:
        checked = (f"{subject.behaviour[name]:.2f}" for subject in subjects)
        yield [f"behaviour: {name}", *checked]


def _written(name: str, figures: Mapping[str, float]) -> str:
    if name not in figures:
        return "–"
    _, write = _style(name)
    value = write(figures[name])
    ends = [write(figures[end]) for end in INTERVALS.get(name, ()) if end in figures]
    return f"{value} ({' to '.join(ends)})" if len(ends) == 2 else value


def _style(name: str) -> tuple[str, Callable[[float], str]]:
    words = re.sub(r"\bf1\b", "F1", name.replace("_", " "))
    return OTHERS.get(name, (words, percent))
