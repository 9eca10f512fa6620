/** One prediction, drawn: the label, how sure, every score, and the words that decided it. */

import { element } from "./dom.js";
import { pieces, strongestWords } from "./highlights.js";
import { amount, milliseconds, percent } from "./wording.js";

const TONES = 8;
const BARS_AT_FIRST = 6;
const LONG_CHARACTERS = 4000;

/** What scrolls by itself has to be reachable by keyboard. */
const SCROLLING = { tabindex: "0", role: "region", "aria-label": "The text, with its telling words marked" };

/** The colour of a label follows its place among the model's labels, so it is the same everywhere. */
export function tone(label, labels) {
  const at = labels.indexOf(label);
  return at < 0 ? "none" : String(at % TONES);
}

export function drawVerdict(region, { text, prediction, labels, model, timings, roundTrip }) {
  const colour = (label) => tone(label, labels);
  region.replaceChildren(
    heading(prediction, colour),
    ...bars(prediction.scores, colour),
    notice(prediction),
    explanation(text, prediction, labels),
    provenance({ prediction, model, timings, roundTrip }),
  );
  for (const empty of region.querySelectorAll(":scope > :empty")) empty.remove();
  region.hidden = false;
}

function heading({ label, score }, colour) {
  return element(
    "div",
    { class: "verdict-head", "data-tone": colour(label) },
    element("h2", { class: "verdict-label" }, label),
    element("p", { class: "verdict-score" }, percent(score), element("span", { class: "quiet" }, " sure")),
  );
}

function bars(scores, colour) {
  const rows = scores.map(({ label, score }) => bar(label, score, colour(label)));
  const list = (part) => element("ul", { class: "bars" }, ...part);
  if (rows.length <= BARS_AT_FIRST + 1) return [list(rows)];
  return [
    list(rows.slice(0, BARS_AT_FIRST)),
    element(
      "details",
      { class: "more-bars" },
      element("summary", {}, `All ${rows.length} labels`),
      list(rows.slice(BARS_AT_FIRST)),
    ),
  ];
}

function bar(label, score, colour) {
  const fill = element("span", { class: "bar-fill" });
  fill.style.inlineSize = `${score * 100}%`;
  return element(
    "li",
    { "data-tone": colour },
    element("span", { class: "bar-label" }, label),
    element("span", { class: "bar", "aria-hidden": "true" }, fill),
    element("span", { class: "bar-value" }, percent(score)),
  );
}

function notice({ truncated, windows, tokens }) {
  if (truncated) {
    return element("p", { class: "notice" }, "This text is long: only its beginning was read, the rest was cut.");
  }
  if (windows > 1) {
    return element("p", { class: "notice" },
      `This text is long (${amount(tokens, "token")}): it was read in ${windows} overlapping windows, and the answers were combined.`);
  }
  return element("p");
}

function explanation(text, { label, highlights }, labels) {
  const parts = pieces(text, highlights ?? []);
  if (!parts.some(({ level }) => level > 0)) return element("div");
  const tones = { 1: tone(label, labels), "-1": opposite(label, labels) };
  const content = parts.map((part) => (part.level > 0 ? mark(part, label, tones) : part.text));
  return element(
    "div",
    { class: "explanation" },
    element("h3", {}, "What decided it"),
    element("p", { class: "unseen" }, inWords(parts, label)),
    element("div", { class: "reading", ...(text.length > LONG_CHARACTERS && SCROLLING) }, ...content),
    legend(label, tones),
  );
}

/** Of two labels, what speaks against one speaks for the other; of many, it speaks for none in particular. */
function opposite(label, labels) {
  return labels.length === 2 ? tone(labels.find((other) => other !== label), labels) : "none";
}

function mark({ text, weight, level }, label, tones) {
  const supports = weight > 0;
  return element(
    "mark",
    {
      class: supports ? "for" : "against",
      "data-level": String(level),
      "data-tone": tones[Math.sign(weight)],
      title: `${supports ? "supports" : "speaks against"} “${label}” (${supports ? "+" : "−"}${Math.abs(weight).toFixed(2)})`,
    },
    text,
  );
}

function inWords(parts, label) {
  const sentence = (start, words) => (words.length ? `${start}: ${words.join(", ")}. ` : "");
  return sentence(`Words that support ${label}`, strongestWords(parts, 1))
    + sentence("Words that speak against it", strongestWords(parts, -1));
}

function legend(label, tones) {
  const entry = (kind, sign, text) =>
    element("li", {}, element("mark", { class: kind, "data-level": "3", "data-tone": tones[sign] }, text));
  return element(
    "ul",
    { class: "legend quiet", "aria-label": "Legend" },
    entry("for", 1, `supports ${label}`),
    entry("against", -1, "speaks against it"),
    element("li", {}, "The deeper the colour and the thicker the line, the more the word weighs."),
  );
}

function provenance({ prediction, model, timings, roundTrip }) {
  const item = (name, value, title = "") =>
    element("div", {}, element("dt", {}, name), element("dd", title ? { title } : {}, value));
  return element(
    "dl",
    { class: "facts" },
    item("Model", model.name),
    item("Version", model.version, model.digest),
    item("Length", amount(prediction.tokens, "token")),
    item("Computed in", milliseconds(timings.total_ms), stages(timings)),
    item("Round trip", milliseconds(roundTrip)),
  );
}

const stages = (timings) =>
  Object.entries(timings)
    .filter(([name]) => name !== "total_ms")
    .map(([name, value]) => `${name.replace(/_ms$/, "")} ${milliseconds(value)}`)
    .join(" · ");
