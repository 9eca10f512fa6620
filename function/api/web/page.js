/** Puts the page together. */

import { find } from "./dom.js";
import { askForKey } from "./key.js";
import { Models } from "./models.js";
import * as problems from "./problems.js";
import { Problem, Service } from "./service.js";
import { tabs } from "./tabs.js";
import { textPanel } from "./text-panel.js";

const service = new Service(askForKey);
const models = new Models(service);
let loading = null;

textPanel(service, models);
tabs(document.querySelector("[role=tablist]"), (tab) => {
  if (tab === "file-tab") loading ??= loadFilePanel();
});
models.load();

/** Loaded when first wanted: behind a function every file is an invocation. */
async function loadFilePanel() {
  try {
    const { filePanel } = await import("./file-panel.js");
    filePanel(service, models);
    problems.clear(find("file-problem"));
    find("file-panel").inert = false;
  } catch {
    problems.show(find("file-problem"), problems.describe(new Problem(0)));
    loading = null;
  }
}
