/** The served models that this page can use, and the chosen one of each task. */

import { element, find } from "./dom.js";
import { number, percent } from "./wording.js";

export const CLASSIFICATION = "text-classification";
export const ENTITIES = "token-classification";
const TASKS = [CLASSIFICATION, ENTITIES];

export class Models {
  #service;
  #onLoad;
  #served = [];
  #names = new Map();
  #task = CLASSIFICATION;

  /** `onLoad()` is called once the served models are known. */
  constructor(service, onLoad) {
    this.#service = service;
    this.#onLoad = onLoad;
    find("model").addEventListener("change", ({ target }) => {
      this.#names.set(this.#task, target.value);
      this.#describe();
    });
  }

  /** Undefined until the served models are known: then the default model answers. */
  chosen(task) {
    const offered = this.#offered(task);
    const name = this.#names.get(task);
    return offered.find((model) => model.name === name) ?? offered.find((model) => model.default) ?? offered[0];
  }

  labels(name) {
    return this.#served.find((model) => model.name === name)?.labels;
  }

  /** Offers the models of a task to choose from. */
  show(task) {
    this.#task = task;
    const offered = this.#offered(task);
    find("model").replaceChildren(...offered.map(({ name }) => element("option", { value: name }, name)));
    find("model").value = this.chosen(task)?.name;
    find("model-choice").hidden = offered.length < 2;
    this.#describe();
  }

  /** A service that refuses to list its models still answers, by its default model. */
  async load() {
    if (this.#served.length) return;
    let models;
    try {
      models = await this.#service.models();
    } catch {
      return;
    }
    this.#served = models.filter(({ task }) => TASKS.includes(task));
    if (!this.#served.length) return;
    for (const part of document.querySelectorAll("[data-task]")) part.hidden = !this.#offered(part.dataset.task).length;
    this.#onLoad();
  }

  #offered(wanted) {
    return this.#served.filter(({ task }) => task === wanted);
  }

  #describe() {
    const model = this.chosen(this.#task);
    find("about").hidden = !model;
    if (!model) return;
    const entry = (name, value) => [element("dt", {}, name), element("dd", {}, value)];
    find("about-model").replaceChildren(
      ...entry("Model", model.name),
      ...entry("Version", model.version),
      ...entry("Digest", model.digest),
      ...entry("Labels", model.labels.join(", ")),
      ...Object.entries(model.metrics ?? {}).flatMap(([dataset, figures]) => entry(`On ${dataset}`, written(figures))),
    );
  }
}

function written(figures) {
  return Object.entries(figures)
    .filter(([, value]) => typeof value === "number")
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${value >= 0 && value <= 1 ? percent(value) : number(value)}`)
    .join(" · ");
}
