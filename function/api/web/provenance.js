/** How a text was read, by which model, and how long that took: below every answer. */

import { element } from "./dom.js";
import { amount, milliseconds } from "./wording.js";

/** What a reader should know of how a long text was read; null where there is nothing to know. */
export function notice({ truncated, windows, tokens }) {
  if (truncated) {
    return element("p", { class: "notice" }, "This text is long: only its beginning was read, the rest was cut.");
  }
  if (windows > 1) {
    return element("p", { class: "notice" },
      `This text is long (${amount(tokens, "token")}): it was read in ${windows} overlapping windows, and the answers were combined.`);
  }
  return null;
}

export function provenance({ prediction, model, timings, roundTrip }) {
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
