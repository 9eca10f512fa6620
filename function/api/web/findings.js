/** Draws the entities of one text: marked in the text, and counted by label. */

import { copy } from "./clipboard.js";
import { button, element } from "./dom.js";
import { notice, provenance } from "./provenance.js";
import { choose, rove } from "./roving.js";
import { cut } from "./spans.js";
import { tone } from "./tone.js";
import { amount, number, percent } from "./wording.js";

const COPIED_MS = 2500;

/** Names of the abbreviations of CoNLL-2003, which most models use as labels. */
const MEANINGS = { LOC: "place", MISC: "other name", ORG: "organisation", PER: "person" };

export function drawFindings(region, { text, prediction, labels, model, timings, roundTrip }) {
  const { entities } = prediction;
  const facts = provenance({ prediction, model, timings, roundTrip });
  const parts = entities.length
    ? [heading(entities), legend(entities, labels), hint(), notice(prediction), reading(text, entities, labels)]
    : [nothing(labels), notice(prediction)];
  region.replaceChildren(...parts.filter(Boolean), facts);
  region.hidden = false;
}

function heading(entities) {
  return element(
    "div",
    { class: "outcome-head" },
    element("h2", {}, amount(entities.length, "entity", "entities")),
    copier(entities),
  );
}

function copier(entities) {
  const name = "Copy as JSON";
  const said = element("span", { class: "unseen", role: "status" });
  const press = button(name, async () => {
    const done = await copy(JSON.stringify(entities, null, 2)).then(() => true, () => false);
    press.textContent = done ? "Copied" : "Copying was refused";
    said.textContent = done ? `${amount(entities.length, "entity", "entities")} copied as JSON.` : "The browser refused to copy.";
    setTimeout(() => {
      press.textContent = name;
      said.textContent = "";
    }, COPIED_MS);
  });
  return element("span", { class: "actions" }, press, said);
}

function legend(entities, labels) {
  const counts = Map.groupBy(entities, ({ label }) => label);
  const entries = labels.filter((label) => counts.has(label)).map((label) =>
    element(
      "li",
      { "data-tone": tone(label, labels) },
      element("span", { class: "kind" }, label),
      MEANINGS[label] ? element("span", { class: "quiet" }, MEANINGS[label]) : null,
      element("strong", {}, number(counts.get(label).length)),
    ));
  return element("ul", { class: "kinds", "aria-label": "Entities of each kind" }, ...entries);
}

const hint = () =>
  element("p", { class: "quiet" }, "Point at an entity, or move to it by the arrow keys, to see how sure the model is.");

function reading(text, entities, labels) {
  const content = cut(text, entities).map(({ text: piece, span }) => (span ? mark(piece, span, labels) : piece));
  const marks = content.filter((part) => typeof part !== "string");
  const area = element(
    "div",
    { class: "reading", dir: "auto", role: "group", "aria-label": "The text, with its entities marked; arrow keys move among them" },
    content,
  );
  choose(marks, marks[0]);
  rove(area, () => marks);
  return area;
}

function mark(text, { label, score }, labels) {
  const sure = `${percent(score)} sure`;
  return element(
    "mark",
    { class: "entity", "data-tone": tone(label, labels), "data-bubble": `${MEANINGS[label] ?? label}, ${sure}` },
    text,
    element("span", { class: "kind" }, label),
    element("span", { class: "unseen" }, `, ${sure}`),
  );
}

function nothing(labels) {
  const looked = labels.map((label) => MEANINGS[label] ?? label).join(", ");
  return element(
    "div",
    { class: "nothing" },
    element("h2", {}, "No entities found"),
    element("p", { class: "quiet" }, `This model looks for: ${looked}. It saw none in this text.`),
  );
}
