/** The models that the service offers for this page, and the one that is chosen. */

import { element, find } from "./dom.js";
import { number, percent } from "./wording.js";

export class Models {
  #service;
  #offered = [];

  constructor(service) {
    this.#service = service;
    find("model").addEventListener("change", () => this.#describe());
  }

  get chosen() {
    return this.#offered.find(({ name }) => name === find("model").value);
  }

  labels(name) {
    return this.#offered.find((model) => model.name === name)?.labels;
  }

  /** A service that keeps its list to itself still classifies: the default model answers. */
  async load() {
    if (this.#offered.length) return;
    try {
      const models = await this.#service.models();
      this.#offered = models.filter(({ task }) => task === "text-classification");
    } catch {
      return;
    }
    const preferred = this.#offered.find((model) => model.default) ?? this.#offered[0];
    find("model").replaceChildren(...this.#offered.map(({ name }) => element("option", { value: name }, name)));
    find("model").value = preferred?.name;
    find("model-choice").hidden = this.#offered.length < 2;
    this.#describe();
  }

  #describe() {
    const model = this.chosen;
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
