/** Asks for the key in a dialog; resolves to null when the visitor declines. */

import { find } from "./dom.js";

const WANTED = "This service answers only with a key. It is kept until you close this tab.";
const REFUSED = "The service did not accept the last key. Check it and enter it again.";

export function askForKey(refused) {
  const dialog = find("key-dialog");
  const input = find("key");
  find("key-reason").textContent = refused ? REFUSED : WANTED;
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
