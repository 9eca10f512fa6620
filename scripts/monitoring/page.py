"""The report that people read: one HTML file with everything in it, sentences first."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from scripts.monitoring.pictures import COURSE
from scripts.monitoring.verdict import FEWEST
from scripts.monitoring.wording import NAMES

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
    return Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8")).substitute(
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
