/** A form for texts: their length and limit, samples, progress and problems. */

import { button, find } from "./dom.js";
import * as problems from "./problems.js";
import { samples } from "./samples.js";
import { amount, characters, number } from "./wording.js";

const SLOW_AFTER_MS = 1500;
const APPLE = /Mac|iPhone|iPad/.test(navigator.platform);

/**
 * `name` begins the ids of the form's elements, `second` is a further field, used while it is shown, `result`
 * the element for answers. A model of the `task` is known when `answer(texts, signal)` requests and draws the
 * answer. It returns the sentence to announce, `says`, and what may come later, `more()`, if there is more.
 * Returns a function that offers the chosen model's samples.
 */
export function textForm({ name, second = null, result, busy, models, task, answer }) {
  const model = () => models.chosen(task);
  const text = find(name);
  const all = [text, second].filter(Boolean);
  const fields = () => all.filter((field) => !field.hidden);
  const alert = find(`${name}-problem`);
  const submit = find(`${name}-submit`);
  const status = find(`${name}-status`);
  const waiting = find(`${name}-waiting`);
  let current = null;
  let rest = () => {};

  const recount = () => {
    const limit = model()?.limits.characters;
    const count = Math.max(...fields().map(({ value }) => characters(value)));
    find(`${name}-count`).textContent = limit && count > 0.8 * limit
      ? `${number(count)} of ${number(limit)} characters`
      : count ? amount(count, "character") : "";
  };

  const refusal = (field) => {
    const which = field === second ? "second text" : "text";
    if (!field.value.trim()) return { title: `There is no ${which} yet`, detail: "Type or paste one." };
    const limit = model()?.limits.characters;
    const count = characters(field.value);
    if (!limit || count <= limit) return null;
    return { title: `This ${which} is too long`, detail: `It has ${amount(count, "character")}; at most ${number(limit)} can be read at once.` };
  };

  /** Shows until the answer that a request is in progress, and the reason if it takes long. */
  const wait = () => {
    submit.setAttribute("aria-busy", "true");
    status.textContent = busy;
    const timer = setTimeout(() => {
      waiting.textContent = "Still reading. The first answer after a pause takes a moment longer …";
      waiting.hidden = false;
    }, SLOW_AFTER_MS);
    return () => {
      clearTimeout(timer);
      waiting.hidden = true;
      submit.removeAttribute("aria-busy");
    };
  };

  /** Shows what is wrong with the first field that has a fault; returns whether one has. */
  const refuse = () => {
    for (const field of all) field.setAttribute("aria-invalid", "false");
    const field = fields().find(refusal);
    if (!field) return false;
    field.setAttribute("aria-invalid", "true");
    result.hidden = true;
    problems.show(alert, refusal(field));
    field.focus();
    return true;
  };

  const ask = async () => {
    current?.abort();
    rest();
    problems.clear(alert);
    if (refuse()) return;
    const request = (current = new AbortController());
    let more = null;
    rest = wait();
    try {
      if (!model()) {
        await models.require(task);
        if (refuse()) return; // its limits are known now
      }
      const answered = await answer(fields().map(({ value }) => value), request.signal);
      more = answered.more;
      status.textContent = answered.says;
      result.scrollIntoView({ block: "nearest" });
    } catch (problem) {
      if (request.signal.aborted) return;
      result.hidden = true;
      offerRetry(problem, ask);
    } finally {
      if (current === request) rest();
    }
    if (more) complete(more, request.signal);
  };

  const complete = async (more, signal) => {
    try {
      await more();
    } catch (problem) {
      if (!signal.aborted) offerRetry(problem, () => complete(more, signal));
    }
  };

  const offerRetry = (problem, retry) => {
    const run = () => {
      submit.focus(); // the pressed button goes away
      problems.clear(alert);
      retry();
    };
    problems.show(alert, problems.describe(problem), { text: problem.wantsKey ? "Enter the key" : "Try again", run });
  };

  find(`${name}-form`).addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  for (const field of all) {
    field.addEventListener("input", recount);
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      ask();
    });
  }
  find(`${name}-shortcut`).textContent = APPLE ? "⌘ ↵" : "Ctrl ↵";

  const offer = (sample) => button(sample.name, () => {
    text.value = sample.text;
    recount();
    ask();
  }, "chip");
  return () => {
    const offered = samples(model());
    find(`${name}-samples`).hidden = !offered.length;
    find(`${name}-samples`).replaceChildren(find(`${name}-samples-title`), ...offered.map(offer));
  };
}
