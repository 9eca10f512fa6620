"""Reports of a judgement: a Markdown page for people, JSON for programs."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from scripts.evaluate.paired import Paired
from scripts.gate.judgement import JudgedModel, Judgement, format_share, points

# Figures that are no shares: title and format.
OTHERS: dict[str, tuple[str, Callable[[float], str]]] = {
    "calibration_error": ("calibration error", "{:.3f}".format),
    "log_loss": ("log loss, nats", "{:.3f}".format),
    "spearman": ("Spearman's rho", "{:.3f}".format),
    "mean_absolute_error": ("mean absolute error", "{:.3f}".format),
    "entities": ("entities", "{:.0f}".format),
    "median_ms": ("median latency, ms", "{:.2f}".format),
    "bytes": ("size, MB", lambda count: f"{count / 1e6:.2f}"),
}
SHOWN_ABOVE = {"texts"}
# Figures that have an interval, and the names of its ends. No others are taken for ends: an
# entity's label may be `low`.
INTERVALS = {
    name: (f"{name}_low", f"{name}_high")
    for name in ("accuracy", "exact_texts", "spearman", "triplets_right")
}
ENDS = {end for ends in INTERVALS.values() for end in ends}
TEXT_CHARACTERS = 200
MARKUP = re.compile(r"([\\`*_\[\]<>&|~$])")


def to_json(judgement: Judgement) -> dict[str, Any]:
    """Return plain values only, which `json.dumps` takes."""
    return asdict(judgement)


def render_markdown(judgement: Judgement) -> str:
    """Return the page: outcome and reasons, then every figure, then the texts that differ most.

    Of a text, its first 200 characters are shown, with markup made harmless.
    """
    sections = [
        f"# {judgement.model} {judgement.candidate.version}: {judgement.outcome}",
        "\n".join(f"- {_escape(reason)}" for reason in judgement.reasons),
        _introduce(judgement),
    ]
    if judgement.candidate.figures:
        sections += ["## Figures", _figures(judgement)]
    if judgement.paired:
        sections.append(_difference(judgement.measure, judgement.paired))
    if judgement.slices:
        sections += ["## Slices", _slices(judgement)]
    sections += ["## Requirements", _requirements(judgement)]
    if judgement.disagreements:
        sections += ["## Where they differ most", _disagreements(judgement)]
    return "\n\n".join(sections) + "\n"


def _introduce(judgement: Judgement) -> str:
    compared = "A first model, no champion"
    if judgement.champion:
        compared = f"Compared with the champion {judgement.champion.version}"
    return f"{compared}; {judgement.rows} rows of the golden set `{judgement.golden[:12]}`."


def _figures(judgement: Judgement) -> str:
    models = [judgement.candidate, *([judgement.champion] if judgement.champion else [])]
    return _table(
        ("", "candidate", "champion")[: len(models) + 1],
        ((_escape(name), *values) for name, *values in figure_rows(models)),
    )


def figure_rows(models: Sequence[JudgedModel]) -> Iterator[list[str]]:
    """Yield a name and each model's value: every figure with its interval, then behaviour.

    A figure that a model lacks is a dash.
    """
    names = dict.fromkeys(name for model in models for name in model.figures)
    for name in names:
        if name not in SHOWN_ABOVE | ENDS:
            title, _ = _style(name)
            yield [title, *(_format_figure(name, model.figures) for model in models)]
    for name in models[0].behaviour:
        checked = (f"{model.behaviour[name]:.2f}" for model in models)
        yield [f"behaviour: {name}", *checked]


def _format_figure(name: str, figures: Mapping[str, float]) -> str:
    if name not in figures:
        return "–"
    _, write = _style(name)
    value = write(figures[name])
    ends = [write(figures[end]) for end in INTERVALS.get(name, ()) if end in figures]
    return f"{value} ({' to '.join(ends)})" if len(ends) == 2 else value


def _style(name: str) -> tuple[str, Callable[[float], str]]:
    words = re.sub(r"\bf1\b", "F1", name.replace("_", " "))
    return OTHERS.get(name, (words, format_share))


def _difference(measure: str, paired: Paired) -> str:
    return (
        f"Difference in {measure}: **{points(paired.difference)} points**, 95 % interval "
        f"{points(paired.low)} to {points(paired.high)} (paired bootstrap). The candidate gains "
        f"{paired.gained} rows and loses {paired.lost}; McNemar's exact test: "
        f"p = {paired.p_value:.3g}."
    )


def _slices(judgement: Judgement) -> str:
    return _table(
        ("slice", "rows", "candidate", "champion", "difference", "95 % interval"),
        (
            (
                _escape(part.name),
                str(part.rows),
                format_share(part.candidate),
                "–" if part.champion is None else format_share(part.champion),
                *(
                    ("–", "–")
                    if part.paired is None
                    else (
                        points(part.paired.difference),
                        f"{points(part.paired.low)} to {points(part.paired.high)}",
                    )
                ),
            )
            for part in judgement.slices
        ),
    )


def _requirements(judgement: Judgement) -> str:
    return _table(
        ("requirement", "outcome", "figures and limit"),
        (
            (_escape(finding.requirement), finding.outcome, _escape(finding.sentence))
            for finding in judgement.findings
        ),
    )


def _disagreements(judgement: Judgement) -> str:
    return _table(
        ("text", "truth", "candidate", "champion", "difference"),
        (
            (
                _escape(_shortened(row.text)),
                _escape(row.truth),
                _answer(row.candidate_answer, row.candidate_score),
                _answer(row.champion_answer, row.champion_score),
                f"{row.difference:+.2f}".replace("-", "−"),
            )
            for row in judgement.disagreements
        ),
    )


def _answer(answer: str, score: float | None) -> str:
    return _escape(answer) if score is None else f"{_escape(answer)} {score:.2f}"


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    if len(words) <= TEXT_CHARACTERS:
        return words
    return words[: TEXT_CHARACTERS - 1].rstrip() + "…"


def _escape(text: str) -> str:
    """Escape text so that Markdown shows it as it is, on one line."""
    return MARKUP.sub(r"\\\1", " ".join(text.split()))


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
