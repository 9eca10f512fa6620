/** Puts the page together. */

import { find } from "./dom.js";
import { askForKey } from "./key.js";
import { Models } from "./models.js";
import * as problems from "./problems.js";
import { Problem, Service } from "./service.js";
import { tabs } from "./tabs.js";
import { textPanel } from "./text-panel.js";

/** Loaded on first use: on Lambda every file is an invocation. */
const LATER = {
  "file-panel": async () => (await import("./file-panel.js")).filePanel,
  "entities-panel": async () => (await import("./entity-panel.js")).entityPanel,
  "similarity-panel": async () => (await import("./similarity-panel.js")).similarityPanel,
};

const service = new Service(askForKey);
const loading = new Map();
const models = new Models(service, () => settle());

textPanel(service, models);
const settle = tabs(document.querySelector("[role=tablist]"), (tab) => {
  const panel = tab.getAttribute("aria-controls");
  models.show(tab.dataset.task);
  if (panel in LATER && !loading.has(panel)) loading.set(panel, load(panel));
});
// A service that wants a key lists them on the first submit, which asks for it.
models.load().catch(() => {});

async function load(panel) {
  const alert = find(panel.replace("panel", "problem"));
  try {
    const start = await LATER[panel]();
    start(service, models);
    problems.clear(alert);
    find(panel).inert = false;
  } catch {
    problems.show(alert, problems.describe(new Problem(0)));
    loading.delete(panel);
  }
}
