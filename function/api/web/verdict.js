/** Draws one prediction: its answer, every score, and the words that decided it. */

import { element } from "./dom.js";
import { pieces, strongestWords } from "./highlights.js";
import { notice, provenance } from "./provenance.js";
import { tone } from "./tone.js";
import { percent } from "./wording.js";

const BARS_AT_FIRST = 6;
const LONG_CHARACTERS = 4000;

/** Elements that scroll by themselves must be reachable by keyboard. */
const SCROLLING = { tabindex: "0", role: "region", "aria-label": "The text, with its telling words marked" };

const figure = (score) => String(Number(score.toPrecision(4)));

/**
 * The answer in words, the best label and what the weighed words support, by the member of a prediction that
 * holds the answer.
 */
const FORMS = {
  label: { words: ({ label }) => label, best: ({ label }) => label, supported: ({ label }) => label },
  score: { words: ({ score }) => figure(score), best: () => null, supported: () => "a higher score" },
  labels: {
    words: ({ labels }) => labels.join(", ") || "No label",
    best: ({ labels }) => labels[0] ?? null,
    // The service weighs words for the likeliest label, even where none is likely enough.
    supported: ({ labels, scores }) => (labels.length ? scores[0].label : null),
  },
};

/** What a prediction says: `words`, the `best` label and its `score`, and what words `supported`; null for none. */
export function answerOf(prediction) {
  const form = FORMS[Object.keys(FORMS).find((key) => key in prediction)];
  const best = form.best(prediction);
  const { score = null } = prediction.scores?.find(({ label }) => label === best) ?? {};
  return { words: form.words(prediction), best, score, supported: form.supported(prediction) };
}

export function drawVerdict(region, { text, prediction, labels, model, cascade, timings, roundTrip }) {
  const colour = (label) => tone(label, labels);
  const parts = [
    heading(answerOf(prediction), colour),
    ...bars(prediction.scores ?? [], colour),
    notice(prediction),
    explanation(text, prediction, labels),
    provenance({ prediction, model, cascade, timings, roundTrip }),
  ];
  region.replaceChildren(...parts.filter(Boolean));
  region.hidden = false;
}

function heading({ words, best, score }, colour) {
  return element(
    "div",
    { class: "verdict-head", "data-tone": colour(best) },
    element("h2", { class: "verdict-label" }, words),
    score === null ? null : element("p", { class: "verdict-score" }, percent(score), element("span", { class: "quiet" }, " sure")),
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

function explanation(text, prediction, labels) {
  const label = answerOf(prediction).supported;
  if (label === null) return null;
  const parts = pieces(text, prediction.highlights ?? []);
  if (!parts.some(({ level }) => level > 0)) return null;
  const tones = { 1: tone(label, labels), "-1": opposite(label, labels) };
  const content = parts.map((part) => (part.level > 0 ? mark(part, label, tones) : part.text));
  return element(
    "div",
    { class: "explanation" },
    element("h3", {}, "What decided it"),
    element("p", { class: "unseen" }, inWords(parts, label)),
    element("div", { class: "reading", dir: "auto", ...(text.length > LONG_CHARACTERS && SCROLLING) }, content),
    legend(label, tones),
  );
}

/** With two labels, a word against one counts for the other; with more, for none in particular. */
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
