/** Result of scoring a file: a line, two charts, the first rows, and the file to download. */

import { countsChart, scoresChart } from "./charts.js";
import { button, element } from "./dom.js";
import { tone } from "./tone.js";
import { amount, number, percent } from "./wording.js";

const FIRST_ROWS = 8;

/** `remaining` counts the rows that `onRest` would score; `save` downloads the file. */
export function drawOutcome(region, { outcomes, textOf, labels, remaining, onRest, save }) {
  const groups = grouped(outcomes, labels);
  const scored = groups.reduce((sum, { count }) => sum + count, 0);
  const failed = outcomes.length - scored - remaining;
  region.replaceChildren(
    element(
      "div",
      { class: "outcome-head" },
      element("h2", { tabindex: "-1" }, `${amount(scored, "row")} scored`),
      element(
        "span",
        { class: "actions" },
        remaining ? button(`Score the remaining ${number(remaining)}`, onRest) : null,
        button("Download results", save, "primary"),
      ),
    ),
    ...left(failed, remaining),
    ...(scored ? [element("div", { class: "charts" }, countsChart(groups), scoresChart(groups))] : []),
    firstRows(outcomes, textOf, labels),
  );
  region.hidden = false;
  return `${amount(scored, "row")} scored${failed ? `, ${number(failed)} could not be` : ""}.`;
}

function left(failed, remaining) {
  const notes = [
    failed ? `${amount(failed, "row")} could not be scored; the download names the reason in its error column.` : "",
    remaining ? `${amount(remaining, "row is", "rows are")} not scored yet.` : "",
  ].filter(Boolean);
  return notes.length ? [element("p", { class: "notice" }, notes.join(" "))] : [];
}

function grouped(outcomes, labels) {
  const rows = Map.groupBy(outcomes.filter(({ label }) => label !== undefined), ({ label }) => label);
  const scores = (group) => group.map(({ score }) => score).filter((score) => score !== undefined);
  return [...rows]
    .map(([label, group]) => ({ label, tone: tone(label, labels), count: group.length, scores: scores(group) }))
    .sort((one, other) => other.count - one.count);
}

function firstRows(outcomes, textOf, labels) {
  const heading = (text) => element("th", { scope: "col" }, text);
  const rows = outcomes.slice(0, FIRST_ROWS).map((outcome, row) => {
    const colour = tone(outcome.label, labels);
    return element(
      "tr",
      {},
      element("td", { class: "clipped", dir: "auto" }, textOf(row) || "–"),
      element("td", { "data-tone": colour, class: outcome.error ? "quiet" : "row-label" }, outcome.label ?? outcome.error),
      element("td", { class: "figure" }, outcome.score === undefined ? "–" : percent(outcome.score)),
    );
  });
  return element(
    "table",
    {},
    element("caption", {}, outcomes.length > FIRST_ROWS ? `The first ${FIRST_ROWS} of ${amount(outcomes.length, "row")}` : "All rows"),
    element("thead", {}, element("tr", {}, heading("Text"), heading("Label"), heading("Score"))),
    element("tbody", {}, ...rows),
  );
}
