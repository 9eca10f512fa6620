/** The tab for one text. */

import { button, find } from "./dom.js";
import * as problems from "./problems.js";
import { SAMPLES } from "./samples.js";
import { drawVerdict } from "./verdict.js";
import { amount, characters, number, percent } from "./wording.js";

const SLOW_AFTER_MS = 1500;
const APPLE = /Mac|iPhone|iPad/.test(navigator.platform);

export function textPanel(service, models) {
  const text = find("text");
  const form = find("text-form");
  const alert = find("text-problem");
  let current = null;
  let rest = () => {};

  const recount = () => {
    const limit = models.chosen?.limits?.characters;
    const count = characters(text.value);
    find("text-count").textContent = limit && count > 0.8 * limit
      ? `${number(count)} of ${number(limit)} characters`
      : count ? amount(count, "character") : "";
  };

  const refusal = () => {
    if (!text.value.trim()) return { title: "There is no text yet", detail: "Type or paste one, or try a sample below." };
    const limit = models.chosen?.limits?.characters;
    const count = characters(text.value);
    if (!limit || count <= limit) return null;
    return { title: "This text is too long", detail: `It has ${amount(count, "character")}; at most ${number(limit)} can be read at once.` };
  };

  const classify = async () => {
    current?.abort();
    rest();
    problems.clear(alert);
    const refused = refusal();
    text.setAttribute("aria-invalid", String(refused !== null));
    if (refused) {
      find("verdict").hidden = true;
      problems.show(alert, refused);
      text.focus();
      return;
    }
    const request = (current = new AbortController());
    const asked = text.value;
    const ask = (parameters) =>
      service.predict([asked], { model: models.chosen?.name, parameters, signal: request.signal });
    let answered = false;
    rest = wait();
    try {
      const verdict = await ask({});
      await models.load();
      announce(asked, verdict.answer, verdict.roundTrip);
      answered = true;
      // The words cost many readings of the text: the verdict does not wait for them.
      const explained = await ask({ explain: true });
      draw(asked, { ...verdict.answer, predictions: explained.answer.predictions }, verdict.roundTrip);
    } catch (problem) {
      if (problem.name === "AbortError") return;
      find("verdict").hidden = !answered;
      fail(problem);
    } finally {
      if (current === request) rest();
    }
  };

  const announce = (asked, answer, roundTrip) => {
    draw(asked, answer, roundTrip);
    const [prediction] = answer.predictions;
    find("text-status").textContent = `${prediction.label}, ${percent(prediction.score)} sure.`;
    find("verdict").scrollIntoView({ block: "nearest" });
  };

  const draw = (asked, { predictions: [prediction], model, timings }, roundTrip) => {
    const labels = models.labels(model.name) ?? prediction.scores.map(({ label }) => label).sort();
    drawVerdict(find("verdict"), { text: asked, prediction, labels, model, timings, roundTrip });
  };

  const fail = (problem) => {
    const again = problem.wantsKey ? "Enter the key" : "Try again";
    problems.show(alert, problems.describe(problem), { text: again, run: classify });
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    classify();
  });
  text.addEventListener("input", recount);
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    classify();
  });

  for (const sample of SAMPLES) {
    find("samples").append(button(sample.name, () => {
      text.value = sample.text;
      recount();
      classify();
    }, "chip"));
  }
  find("shortcut").textContent = APPLE ? "⌘ ↵" : "Ctrl ↵";
}

/** Shows that an answer is on its way, and why if it takes long; the answer ends it. */
function wait() {
  const submit = find("classify");
  const note = find("text-waiting");
  submit.setAttribute("aria-busy", "true");
  find("text-status").textContent = "Classifying.";
  const timer = setTimeout(() => {
    note.textContent = "Still reading. The first answer after a pause takes a moment longer …";
    note.hidden = false;
  }, SLOW_AFTER_MS);
  return () => {
    clearTimeout(timer);
    note.hidden = true;
    submit.removeAttribute("aria-busy");
  };
}
