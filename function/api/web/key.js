/** Asks for the key in a dialog; resolves to null when the visitor declines. */

import { find } from "./dom.js";

const REASONS = {
  wanted: "This service answers only with a key. It is kept until you close this tab.",
  refused: "The service did not accept the last key. Check it and enter it again.",
  unsendable: "The last key had a character that no key has, such as a curly quote or an invisible space. Copy it again.",
};

/** `reason` is a key of REASONS. */
export function askForKey(reason) {
  const dialog = find("key-dialog");
  const input = find("key");
  find("key-reason").textContent = REASONS[reason];
  input.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    find("key-cancel").onclick = () => dialog.close();
    dialog.addEventListener(
      "close",
      () => {
        const key = input.value.trim();
        input.value = "";
        resolve(dialog.returnValue === "given" && key ? key : null);
      },
      { once: true },
    );
  });
}
