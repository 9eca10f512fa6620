/** A form for texts: their length and limit, samples, progress and problems. */

import { button, find } from "./dom.js";
import * as problems from "./problems.js";
import { samples } from "./samples.js";
import { amount, characters, number } from "./wording.js";

const SLOW_AFTER_MS = 1500;
const whole = (value) => [value];
const APPLE = /Mac|iPhone|iPad/.test(navigator.platform);

/**
 * `name` begins the ids of the form's elements, `second` is a further field, used while it is shown, `result`
 * the element for answers. `split(value)` returns the texts of a field, by default one. Once a model of the
 * `task` is known, `answer(texts, signal)` requests and draws the answer. It returns the sentence to announce,
 * `says`, and, if something may follow later, `more()`. Returns a function that offers the model's samples.
 */
export function textForm({ name, second = null, split = whole, result, busy, models, task, answer }) {
  const model = () => models.chosen(task);
  const text = find(name);
  const all = [text, second].filter(Boolean);
  const fields = () => all.filter((field) => !field.hidden);
  const texts = () => fields().flatMap(({ value }) => split(value));
  const limits = () => {
    const { characters: limit = Infinity, texts: most = Infinity } = model()?.limits ?? {};
    return { limit, most };
  };
  const alert = find(`${name}-problem`);
  const submit = find(`${name}-submit`);
  const status = find(`${name}-status`);
  const waiting = find(`${name}-waiting`);
  let current = null;
  let rest = () => {};

  const recount = () => {
    const { limit } = limits();
    const longest = texts().reduce((most, each) => Math.max(most, characters(each)), 0);
    find(`${name}-count`).textContent = longest > 0.8 * limit
      ? `${number(longest)} of ${number(limit)} characters`
      : longest ? amount(longest, "character") : "";
  };

  const refusal = (field) => {
    const { limit, most } = limits();
    const which = field === second ? "second text" : "text";
    const own = split(field.value);
    if (!field.value.trim()) return { title: `There is no ${which} yet`, detail: "Type or paste one." };
    if (own.length > most) {
      return { title: "These are too many texts", detail: `There are ${number(own.length)}; at most ${number(most)} can be read at once.` };
    }
    const at = own.findIndex((each) => characters(each) > limit);
    if (at < 0) return null;
    const title = own.length > 1 ? `Text ${number(at + 1)} is too long` : `This ${which} is too long`;
    return { title, detail: `It has ${amount(characters(own[at]), "character")}; at most ${number(limit)} can be read at once.` };
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
      const answered = await answer(texts(), request.signal);
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

  const offer = (sample) => {
    const chip = button(sample.name, () => {
      text.value = sample.text;
      recount();
      ask();
    }, "chip");
    chip.dir = "auto";
    return chip;
  };
  return () => {
    const offered = samples(model());
    find(`${name}-samples`).hidden = !offered.length;
    find(`${name}-samples`).replaceChildren(find(`${name}-samples-title`), ...offered.map(offer));
  };
}
