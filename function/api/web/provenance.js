/** The model, the treatment of the text and the time, below every answer. */

import { element } from "./dom.js";
import { amount, milliseconds } from "./wording.js";

/** Returns a note on the treatment of a long text, or null if there is none. */
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

/** `cascade`: the model has two stages, so that the answer names its own. */
export function provenance({ prediction, model, cascade = false, timings, roundTrip }) {
  const item = (name, value, title = "") =>
    element("div", {}, element("dt", {}, name), element("dd", title ? { title } : {}, value));
  return element(
    "dl",
    { class: "facts" },
    item("Model", model.name),
    item("Version", model.version, model.digest),
    item("Length", amount(prediction.tokens, "token")),
    cascade ? item("Answered by", prediction.stage === "first" ? "the first stage" : "the full model") : null,
    item("Computed in", milliseconds(timings.total_ms), stages(timings)),
    item("Round trip", milliseconds(roundTrip)),
  );
}

const stages = (timings) =>
  Object.entries(timings)
    .filter(([name]) => name !== "total_ms")
    .map(([name, value]) => `${name.replace(/_ms$/, "")} ${milliseconds(value)}`)
    .join(" · ");
