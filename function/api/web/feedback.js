/** "Was this right?" below an answer: sends the visitor's feedback to the log of the prediction. */

import { button, element } from "./dom.js";

/** `send(label)` sends the right label to the service. */
export function askWhetherRight(region, { label, labels, send }) {
  const status = element("p", { role: "status", tabindex: "-1", class: "quiet" });

  const report = async (right) => {
    status.textContent = "";
    try {
      await send(right);
      choices.remove();
      status.textContent = "Thank you, noted.";
      status.focus();
    } catch {
      status.textContent = "That could not be sent. Please try again.";
    }
  };

  const choices = element(
    "div",
    { role: "group", "aria-labelledby": "feedback-question", class: "actions" },
    element("span", { id: "feedback-question", class: "quiet" }, "Was this right?"),
    button("Yes", () => report(label), "chip"),
    no(labels.filter((other) => other !== label), report),
  );
  region.replaceChildren(choices, status);
}

function no(others, report) {
  const choose = (words) => others.map((other) => button(words(other), () => report(other), "chip"));
  if (others.length < 2) return element("span", {}, ...choose((other) => `No, it is ${other}`));
  return element("details", {}, element("summary", {}, "No, it is …"), ...choose((other) => other));
}
