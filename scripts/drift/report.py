"""The report that people read: one HTML file with everything in it, sentences first."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure

from scripts.common.pictures import COLOURS, panels, save
from scripts.drift.distributions import FEATURES, Distribution, Reference
from scripts.drift.prediction_log import PredictionLog
from scripts.drift.timeline import Slice, change
from scripts.drift.verdict import ACCURACY, FEWEST, LEAST_INDEX, Finding, Verdict, interval
from scripts.drift.wording import NAMES, advice, changes, headline

MOST_NAMES = 20
COURSE = "course"


def draw(
    reference: Reference, verdict: Verdict, slices: Sequence[Slice], folder: Path
) -> dict[str, Path]:
    """Draw into a folder; returns each file by its feature, and `course` for that in time."""
    folder.mkdir(parents=True, exist_ok=True)
    drifted = {finding.feature for finding in verdict.drifted}
    figures = {
        feature: draw_spread(feature, reference.distributions[feature], window, feature in drifted)
        for feature, window in verdict.window.items()
    }
    if slices:
        figures[COURSE] = draw_course(slices)
    files = {name: folder / f"{name}.png" for name in figures}
    for name, figure in figures.items():
        save(figure, files[name])
    return files


def draw_spread(
    feature: str, reference: Distribution, window: Distribution, drifted: bool
) -> Figure:
    """The share of texts in each bin; bins that nobody fell into are left out at the ends."""
    figure, (panel,) = panels(1, 5, 3.6)
    shown = np.flatnonzero(reference.counts + window.counts)
    if window.edges is not None:
        shown = np.arange(shown[0], shown[-1] + 1)
    places = np.arange(len(shown))
    panel.bar(places - 0.2, reference.shares[shown], 0.4, color=COLOURS[5], label="reference")
    panel.bar(places + 0.2, window.shares[shown], 0.4, color=COLOURS[4], label="this window")
    if len(shown) <= MOST_NAMES:
        names = [window.names[int(code)].replace(" to ", "–") for code in shown]
        panel.set_xticks(places, names, rotation=60 if len(names) > 3 else 0, fontsize=8)
    panel.set(title=f"{NAMES[feature]}{': drift' if drifted else ''}", ylabel="share of texts")
    figure.legend(frameon=False, loc="outside lower center", ncols=2)
    return figure


def draw_course(slices: Sequence[Slice]) -> Figure:
    """The PSI of each feature over time, with the line from which it matters."""
    figure, (panel,) = panels(1, 9, 3.6)
    middles = [each.began + (each.ended - each.began) / 2 for each in slices]
    for number, feature in enumerate(FEATURES):
        effects = [each.effect(feature) for each in slices]
        if not np.isnan(effects).all():
            panel.plot(middles, effects, "o-", color=COLOURS[number], label=NAMES[feature])  # type: ignore[arg-type]
    panel.axhline(LEAST_INDEX, color="#777777", ls="--", lw=1, label="matters from here")
    panel.set(title="distance from the reference in time", ylabel="PSI")
    panel.set_ylim(bottom=0)
    panel.grid(alpha=0.25)
    formatter = ConciseDateFormatter(panel.xaxis.get_major_locator())  # type: ignore[no-untyped-call]
    panel.xaxis.set_major_formatter(formatter)
    figure.legend(frameon=False, loc="outside lower center", ncols=3)
    return figure


KINDS = {"drift": "drift", "no drift": "healthy", "quiet": "quiet"}
SPREAD = "The share of texts in each span of a feature, in this window and in the reference."
IN_TIME = (
    "How far each feature was from the reference, by parts of the window with the same number of "
    "texts. Below the dashed line a distance does not matter."
)
YES = '<span class="yes">yes</span>'
READING = (
    "The distance is the population stability index, or the accuracy lost. "
    "A feature has drifted where three things hold: its distance from the reference is above what "
    "matters at all, above what quiet traffic reaches once in a hundred windows of this size, and "
    "the two-sample test, corrected for the number of features, leaves less than 1 % to chance."
)


def page(document: Mapping[str, Any], pictures: Mapping[str, Path]) -> str:
    """The page of a document as `document.document` makes it."""
    return Template(Path(__file__).with_name("report.html").read_text(encoding="utf-8")).substitute(
        title=escape(document["headline"]),
        kind=KINDS[document["verdict"]],
        headline=escape(document["headline"]),
        of=escape(_of(document)),
        body="\n".join(_sections(document, pictures)),
    )


def _of(document: Mapping[str, Any]) -> str:
    times = " to ".join(
        document[end][:16].replace("T", " ") for end in ("began", "ended") if document[end]
    )
    when = f", {times} UTC" if times else ""
    reference = document["reference"]
    beside = f"beside {reference['name']} ({reference['texts']:,} texts)"
    damaged = document["damaged_lines"]
    lost = f"; {damaged:,} damaged lines were left out" if damaged else ""
    return f"Version {document['version']}{when}, {beside}{lost}."


def _sections(document: Mapping[str, Any], pictures: Mapping[str, Path]) -> Iterator[str]:
    if document["changes"]:
        yield _listed("What changed", document["changes"])
        yield _listed("What to do", document["advice"])
    elif document["verdict"] == "quiet":
        few = (
            f"With fewer than {FEWEST} texts chance alone moves every figure. Take a longer window."
        )
        yield _listed("What this means", [few])
    else:
        well = "Texts and answers look as those of the reference do. Nothing is to be done."
        yield _listed("What this means", [well])
    if feedback := document["feedback"]:
        low, high = feedback["interval"]
        yield _listed(
            "Feedback",
            [
                f"Of {feedback['texts']:,} answers with feedback {feedback['accuracy']:.1%} were "
                f"right (95 % interval {low:.1%} to {high:.1%})."
            ],
        )
    if document["features"]:
        yield _table(document["features"])
    spreads = [_image(NAMES[name], path) for name, path in pictures.items() if name != COURSE]
    if spreads:
        yield f"<h2>Pictures</h2>\n{_figure(''.join(spreads), SPREAD)}"
    if COURSE in pictures:
        yield _figure(_image("distance in time", pictures[COURSE]), IN_TIME)


def _figure(images: str, caption: str) -> str:
    return (
        f'<figure><div class="images">{images}</div>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _image(name: str, path: Path) -> str:
    drawn = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<img alt="{escape(name)}" src="data:image/png;base64,{drawn}">'


def _listed(title: str, sentences: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(each)}</li>" for each in sentences)
    return f'<h2>{escape(title)}</h2>\n<div class="card"><ul>{items}</ul></div>'


def _table(features: Sequence[Mapping[str, Any]]) -> str:
    head = ("feature", "drift", "distance", "matters from", "quiet traffic", "chance")
    rows = "".join(
        f"<tr><td>{escape(NAMES[each['feature']])}</td><td>{YES if each['drift'] else 'no'}</td>"
        f"<td>{each['effect']:.3f}</td><td>{each['least']:g}</td><td>{each['band']:.3f}</td>"
        f"<td>{_chance(each['p_value'])}</td></tr>"
        for each in features
    )
    columns = "".join(f"<th>{name}</th>" for name in head)
    return (
        f'<h2>Figures</h2>\n<div class="card wide"><table><thead><tr>{columns}</tr></thead>'
        f'<tbody>{rows}</tbody></table></div>\n<p class="small">{escape(READING)}</p>'
    )


def _chance(p_value: float) -> str:
    return "&lt; 0.01 %" if p_value < 0.0001 else f"{p_value:.2%}"


def document(
    model: str,
    version: str,
    reference: Reference,
    log: PredictionLog,
    verdict: Verdict,
    slices: Sequence[Slice],
) -> dict[str, Any]:
    """Everything that the page tells, and the counts behind its pictures."""
    return {
        "model": model,
        "version": version,
        "verdict": verdict.word,
        "headline": headline(model, verdict),
        "changes": changes(reference, verdict, slices),
        "advice": advice(verdict),
        "texts": verdict.texts,
        "damaged_lines": log.damaged,
        "began": _time(log, 0),
        "ended": _time(log, -1),
        "reference": {"name": reference.name, "texts": reference.texts},
        "feedback": _feedback(verdict),
        "features": [
            {
                "feature": each.feature,
                "effect": round(each.effect, 5),
                "measure": "accuracy lost" if each.feature == ACCURACY else "PSI",
                "band": round(each.band, 5),
                "least": each.least,
                "p_value": each.p_value,
                "drift": each.drifted,
                "changed": _changed(slices, each),
            }
            for each in verdict.findings
        ],
        "spread": {
            feature: {
                "bins": list(window.names),
                "window": [round(float(share), 5) for share in window.shares],
                "reference": [
                    round(float(share), 5) for share in reference.distributions[feature].shares
                ],
            }
            for feature, window in verdict.window.items()
        },
    }


def _changed(slices: Sequence[Slice], finding: Finding) -> str | None:
    """When it began, or passed, of what has drifted in a part of the window alone."""
    found = change(slices, finding) if finding.drifted else None
    return found.at.isoformat() if found else None


def _feedback(verdict: Verdict) -> dict[str, Any] | None:
    if verdict.answers is None:
        return None
    return {
        "texts": verdict.answers.judged,
        "accuracy": round(verdict.answers.accuracy, 5),
        "interval": [round(end, 5) for end in interval(verdict.answers)],
    }


def _time(log: PredictionLog, row: int) -> str | None:
    return log.time(row).isoformat() if len(log) else None
