/** The served models that this page can use, and the chosen one of each task. */

import { element, find } from "./dom.js";
import { Problem } from "./service.js";
import { number, percent } from "./wording.js";

export const CLASSIFICATION = "text-classification";
export const ENTITIES = "token-classification";
export const EMBEDDING = "feature-extraction";
const QUESTION_LENGTH = 48;
const TASKS = [CLASSIFICATION, ENTITIES, EMBEDDING];

export class Models {
  #service;
  #onLoad;
  #served = [];
  #names = new Map();
  #followers = [];
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

  /** Undefined until the served models are known, and where none has this task. */
  chosen(task) {
    const offered = this.#offered(task);
    const name = this.#names.get(task);
    return offered.find((model) => model.name === name) ?? offered.find((model) => model.default) ?? offered[0];
  }

  /** Calls back now, and whenever other models are known or chosen. */
  follow(follower) {
    this.#followers.push(follower);
    follower();
  }

  labels(name) {
    return this.#served.find((model) => model.name === name)?.labels;
  }

  /** Whether a first stage answers some of the model's texts. */
  cascade(name) {
    return this.#served.find((model) => model.name === name)?.cascade;
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

  /** Returns the chosen model to answer what was submitted; throws a Problem where none has this task. */
  async require(task) {
    await this.load({ submitted: true });
    const model = this.chosen(task);
    if (!model) throw new Problem(404, { detail: "The service has no model for this." });
    return model;
  }

  async load({ submitted = false } = {}) {
    if (this.#served.length) return;
    const models = await this.#service.models({ submitted });
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
    for (const follower of this.#followers) follower();
    find("about").hidden = !model;
    if (!model) return;
    find("headline").textContent = question(model);
    const entry = (name, value) => [element("dt", {}, name), element("dd", {}, value)];
    find("about-model").replaceChildren(
      ...entry("Model", model.name),
      ...entry("Version", model.version),
      ...entry("Digest", model.digest),
      ...(model.labels.length ? entry("Labels", model.labels.join(", ")) : []),
      ...Object.entries(model.metrics ?? {}).flatMap(([dataset, figures]) => entry(`On ${dataset}`, written(figures))),
    );
  }
}

/** What the model answers, by its labels if they are few and short. */
function question({ task, labels, answer_key }) {
  if (task === ENTITIES) return "What does this text name?";
  if (task === EMBEDDING) return "Which texts are alike?";
  if (answer_key === "score") return "How does this text score?";
  if (answer_key === "labels") return "Which labels fit this text?";
  const choice = `${labels.slice(0, -1).join(", ")} or ${labels.at(-1)}`;
  if (labels.length < 2 || choice.length > QUESTION_LENGTH) return "Which label fits this text?";
  return `Is this text ${choice}?`;
}

function written(figures) {
  return Object.entries(figures)
    .filter(([, value]) => typeof value === "number")
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${value >= 0 && value <= 1 ? percent(value) : number(value)}`)
    .join(" · ");
}
