"""The report of a drift check: as JSON, as one HTML file, sentences first, and its pictures."""

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
from scripts.drift.timeline import TimeSlice, find_change
from scripts.drift.verdict import (
    ACCURACY,
    FEWEST,
    LEAST_INDEX,
    DriftVerdict,
    FeatureResult,
    accuracy_interval,
)
from scripts.drift.wording import NAMES, advice, changes, headline

COURSE = "course"  # the picture of distances over time, among those by feature
MOST_NAMES = 20
STYLES = {"drift": "drift", "no drift": "healthy", "quiet": "quiet"}
YES = '<span class="yes">yes</span>'
SHARES = "The share of texts in each bin of a feature, in this window and in the reference."
IN_TIME = (
    "The distance of each feature from the reference, by parts of the window with the same number "
    "of texts. Below the dashed line a distance does not matter."
)
FIGURES = (
    "The distance is the population stability index, or the accuracy lost. "
    "A feature has drifted if three conditions hold: its distance from the reference is above what "
    "matters at all, above what quiet traffic reaches once in a hundred windows of this size, and "
    "the two-sample test, corrected for the number of features, leaves less than 1 % to chance."
)


def build_document(
    model: str,
    version: str,
    reference: Reference,
    log: PredictionLog,
    verdict: DriftVerdict,
    slices: Sequence[TimeSlice],
) -> dict[str, Any]:
    """Return all that the page says, and the counts behind its pictures, for JSON."""
    return {
        "model": model,
        "version": version,
        "verdict": verdict.status,
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
            for each in verdict.results
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


def _time(log: PredictionLog, row: int) -> str | None:
    return log.time(row).isoformat() if len(log) else None


def _feedback(verdict: DriftVerdict) -> dict[str, Any] | None:
    if verdict.feedback is None:
        return None
    return {
        "texts": verdict.feedback.judged,
        "accuracy": round(verdict.feedback.accuracy, 5),
        "interval": [round(end, 5) for end in accuracy_interval(verdict.feedback)],
    }


def _changed(slices: Sequence[TimeSlice], result: FeatureResult) -> str | None:
    """Return when drift of a part of the window began, or passed."""
    found = find_change(slices, result) if result.drifted else None
    return found.at.isoformat() if found else None


def render_page(document: Mapping[str, Any], pictures: Mapping[str, Path]) -> str:
    """Return the HTML page of a document, with its pictures inside."""
    return Template(Path(__file__).with_name("report.html").read_text(encoding="utf-8")).substitute(
        title=escape(document["headline"]),
        kind=STYLES[document["verdict"]],
        headline=escape(document["headline"]),
        of=escape(_subtitle(document)),
        body="\n".join(_sections(document, pictures)),
    )


def _subtitle(document: Mapping[str, Any]) -> str:
    times = " to ".join(
        document[end][:16].replace("T", " ") for end in ("began", "ended") if document[end]
    )
    when = f", {times} UTC" if times else ""
    reference = document["reference"]
    compared = f"compared with {reference['name']} ({reference['texts']:,} texts)"
    damaged = document["damaged_lines"]
    lost = f"; {damaged:,} damaged lines were left out" if damaged else ""
    return f"Version {document['version']}{when}, {compared}{lost}."


def _sections(document: Mapping[str, Any], pictures: Mapping[str, Path]) -> Iterator[str]:
    if document["changes"]:
        yield _list("What changed", document["changes"])
        yield _list("What to do", document["advice"])
    elif document["verdict"] == "quiet":
        few = f"With fewer than {FEWEST} texts every figure is chance. Take a longer time range."
        yield _list("What this means", [few])
    else:
        well = "Texts and answers look like those of the reference. Nothing needs to be done."
        yield _list("What this means", [well])
    if feedback := document["feedback"]:
        low, high = feedback["interval"]
        sentence = (
            f"Of {feedback['texts']:,} answers with feedback {feedback['accuracy']:.1%} were "
            f"right (95 % interval {low:.1%} to {high:.1%})."
        )
        yield _list("Feedback", [sentence])
    if document["features"]:
        yield _table(document["features"])
    shares = [_image(NAMES[name], path) for name, path in pictures.items() if name != COURSE]
    if shares:
        yield f"<h2>Pictures</h2>\n{_figure(''.join(shares), SHARES)}"
    if COURSE in pictures:
        yield _figure(_image("distance in time", pictures[COURSE]), IN_TIME)


def _list(title: str, sentences: Sequence[str]) -> str:
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
        f'<tbody>{rows}</tbody></table></div>\n<p class="small">{escape(FIGURES)}</p>'
    )


def _chance(p_value: float) -> str:
    return "&lt; 0.01 %" if p_value < 0.0001 else f"{p_value:.2%}"


def _figure(images: str, caption: str) -> str:
    return (
        f'<figure><div class="images">{images}</div>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _image(name: str, path: Path) -> str:
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<img alt="{escape(name)}" src="data:image/png;base64,{content}">'


def draw_pictures(
    reference: Reference, verdict: DriftVerdict, slices: Sequence[TimeSlice], folder: Path
) -> dict[str, Path]:
    """Draw into a folder; return the file of each feature, and of COURSE."""
    folder.mkdir(parents=True, exist_ok=True)
    drifted = {result.feature for result in verdict.drifted}
    figures = {
        feature: draw_shares(feature, reference.distributions[feature], window, feature in drifted)
        for feature, window in verdict.window.items()
    }
    if slices:
        figures[COURSE] = draw_course(slices)
    files = {name: folder / f"{name}.png" for name in figures}
    for name, figure in figures.items():
        save(figure, files[name])
    return files


def draw_shares(
    feature: str, reference: Distribution, window: Distribution, drifted: bool
) -> Figure:
    """Draw the share of texts in each bin, without empty bins at the ends."""
    figure, (panel,) = panels(1, 5, 3.6)
    shown = np.flatnonzero(reference.counts + window.counts)
    if window.edges is not None:
        shown = np.arange(shown[0], shown[-1] + 1)
    at = np.arange(len(shown))
    panel.bar(at - 0.2, reference.shares[shown], 0.4, color=COLOURS[5], label="reference")
    panel.bar(at + 0.2, window.shares[shown], 0.4, color=COLOURS[4], label="this window")
    if len(shown) <= MOST_NAMES:
        names = [window.names[int(code)].replace(" to ", "–") for code in shown]
        panel.set_xticks(at, names, rotation=60 if len(names) > 3 else 0, fontsize=8)
    panel.set(title=f"{NAMES[feature]}{': drift' if drifted else ''}", ylabel="share of texts")
    figure.legend(frameon=False, loc="outside lower center", ncols=2)
    return figure


def draw_course(slices: Sequence[TimeSlice]) -> Figure:
    """Draw the PSI of each feature over time, with the line above which it matters."""
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
