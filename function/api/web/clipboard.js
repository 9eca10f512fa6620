/** Copies a text; rejects if the browser does not allow it. */

import { element } from "./dom.js";

export async function copy(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // A page that came over plain HTTP has no clipboard, but may copy what is selected.
  const holder = element("textarea", { class: "unseen", readonly: "" });
  holder.value = text;
  document.body.append(holder);
  holder.select();
  const done = document.execCommand("copy");
  holder.remove();
  if (!done) throw new Error("refused");
}
