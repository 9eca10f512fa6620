/** A form for one text: its length and limit, samples, progress and problems. */

import { button, find } from "./dom.js";
import * as problems from "./problems.js";
import { samples } from "./samples.js";
import { amount, characters, number } from "./wording.js";

const SLOW_AFTER_MS = 1500;
const APPLE = /Mac|iPhone|iPad/.test(navigator.platform);

/**
 * `name` begins the ids of the form's elements, `result` is the element for answers. `model()` returns the
 * chosen one. `answer(text, signal, announce)` requests and draws the answer, and announces it in a sentence.
 * Returns a function that offers the chosen model's samples.
 */
export function textForm({ name, result, busy, model, answer }) {
  const text = find(name);
  const alert = find(`${name}-problem`);
  const submit = find(`${name}-submit`);
  const status = find(`${name}-status`);
  const waiting = find(`${name}-waiting`);
  let current = null;
  let rest = () => {};

  const recount = () => {
    const limit = model()?.limits.characters;
    const count = characters(text.value);
    find(`${name}-count`).textContent = limit && count > 0.8 * limit
      ? `${number(count)} of ${number(limit)} characters`
      : count ? amount(count, "character") : "";
  };

  const refusal = () => {
    if (!text.value.trim()) return { title: "There is no text yet", detail: "Type or paste one." };
    const limit = model()?.limits.characters;
    const count = characters(text.value);
    if (!limit || count <= limit) return null;
    return { title: "This text is too long", detail: `It has ${amount(count, "character")}; at most ${number(limit)} can be read at once.` };
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

  const ask = async () => {
    current?.abort();
    rest();
    problems.clear(alert);
    const refused = refusal();
    text.setAttribute("aria-invalid", String(refused !== null));
    if (refused) {
      result.hidden = true;
      problems.show(alert, refused);
      text.focus();
      return;
    }
    const request = (current = new AbortController());
    let answered = false;
    rest = wait();
    try {
      await answer(text.value, request.signal, (sentence) => {
        answered = true;
        status.textContent = sentence;
        result.scrollIntoView({ block: "nearest" });
      });
    } catch (problem) {
      if (problem.name === "AbortError") return;
      result.hidden = !answered;
      const again = problem.wantsKey ? "Enter the key" : "Try again";
      problems.show(alert, problems.describe(problem), { text: again, run: ask });
    } finally {
      if (current === request) rest();
    }
  };

  find(`${name}-form`).addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  text.addEventListener("input", recount);
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    ask();
  });
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
