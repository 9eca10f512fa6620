/** Errors, in words that say what to do next. */

import { button, element } from "./dom.js";
import { amount } from "./wording.js";

/** Shows a problem in an alert region, with a button to continue if there is one. */
export function show(region, { title, detail }, action = null) {
  region.replaceChildren(
    element(
      "div",
      { class: "problem" },
      element("p", { class: "problem-title" }, title),
      detail ? element("p", {}, detail) : null,
      action ? button(action.text, action.run) : null,
    ),
  );
}

export const clear = (region) => region.replaceChildren();

export function describe(problem) {
  const { status, detail } = problem;
  if (status === 0) return unreachable();
  if (problem.wantsKey) {
    return { title: "A key is wanted", detail: "This service answers only with a valid key." };
  }
  if (status === 404) return { title: "This model is not served here", detail };
  if (status === 413) return { title: "That is too much at once", detail: detail || "Send a shorter text." };
  if (status === 429) return { title: "The service is busy", detail: later(problem.retryAfter) };
  if (status === 503) return { title: "The model is not ready yet", detail: later(problem.retryAfter) };
  if (status === 504) return { title: "The answer took too long", detail: "Try again; a service that was asleep is awake by now." };
  if (status >= 500) {
    return { title: "Something went wrong on the server", detail: `It answered with status ${status}. Nothing is lost; try again.` };
  }
  if (status >= 400) return { title: "The service refused this request", detail: detail || `It answered with status ${status}.` };
  return { title: "The answer could not be read", detail: "Something other than the service answered, perhaps a sign-in page of your network." };
}

function unreachable() {
  return navigator.onLine
    ? { title: "The service cannot be reached", detail: "Check the connection and try again." }
    : { title: "You are offline", detail: "Nothing is lost. Try again once the connection is back." };
}

const later = (wait) => (wait ? `Try again in ${amount(wait, "second")}.` : "Try again in a moment.");
