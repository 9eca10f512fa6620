#!/usr/bin/env node
/**
 * Ask an Evergreen service from Node 18 or newer; nothing to install.
 *
 *     node examples/javascript_client.mjs
 *     node examples/javascript_client.mjs "A text of yours." "Another one."
 *
 * EVERGREEN_URL is the address of the service, EVERGREEN_API_KEY the key to send. The part above the
 * line is the client: copy it. It uses nothing but fetch.
 */

const BUSY = [429, 503];

/** The service refused the request, or cannot be reached; the message says why. */
class ServiceError extends Error {}

/**
 * Client of one service. A busy service is asked again, after the time that it names.
 *
 * @typedef {{start: number, end: number, weight: number}} Highlight  in code points of the text
 * @typedef {{label: string, score: number, scores: {label: string, score: number}[],
 *   tokens: number, windows: number, truncated: boolean, stage: "first" | "full",
 *   highlights?: Highlight[]}} Prediction
 * @typedef {{label: string, text: string, start: number, end: number, score: number}} Entity
 * @typedef {{entities: Entity[], tokens: number, windows: number, truncated: boolean}} EntityPrediction
 * @typedef {{model: {name: string, version: string, digest: string},
 *   predictions: Prediction[], timings: Record<string, number>}} Answer
 * @typedef {Omit<Answer, "predictions"> & {predictions: EntityPrediction[]}} EntityAnswer
 * @typedef {{name: string, version: string, task: string, labels: string[]}} ServedModel
 */
class Evergreen {
  #key;

  constructor({ url = "http://127.0.0.1:8080", key = "", attempts = 5, timeoutSeconds = 30 } = {}) {
    Object.assign(this, { url, attempts, timeoutSeconds });
    this.#key = key;
  }

  /**
   * Classify one text or several. Throws a ServiceError.
   *
   * @param {string | string[]} inputs
   * @param {{model?: string, top_k?: number, explain?: boolean, long_text?: "window" | "truncate"}} [options]
   * @returns {Promise<Answer>}
   */
  predict(inputs, { model, ...parameters } = {}) {
    const path = model ? `/v1/models/${encodeURIComponent(model)}/predict` : "/v1/predict";
    return this.#send(path, { inputs, parameters });
  }

  /**
   * Find the entities of one text or several. Throws a ServiceError.
   *
   * @param {string | string[]} inputs
   * @returns {Promise<EntityAnswer>}
   */
  entities(inputs, { model = "ner" } = {}) {
    return this.#send(`/v1/models/${encodeURIComponent(model)}/predict`, { inputs });
  }

  /**
   * Return the served models, the default first. Throws a ServiceError.
   *
   * @returns {Promise<ServedModel[]>}
   */
  async models() {
    return (await this.#send("/v1/models")).models;
  }

  /** Send a GET without a body, or a POST with one, and return the parsed answer. */
  async #send(path, body) {
    const headers = { "Content-Type": "application/json" };
    if (this.#key) headers.Authorization = `Bearer ${this.#key}`;

    for (let attempt = 1; ; attempt += 1) {
      const response = await fetch(this.url.replace(/\/$/, "") + path, {
        method: body ? "POST" : "GET",
        headers,
        body: body && JSON.stringify(body),
        signal: AbortSignal.timeout(this.timeoutSeconds * 1000),
      }).catch((error) => {
        throw new ServiceError(`${this.url} cannot be reached: ${error.cause?.code ?? error.message}`);
      });
      if (response.ok) return response.json();
      if (!BUSY.includes(response.status) || attempt >= this.attempts) {
        throw new ServiceError(await reason(response));
      }
      const seconds = Number.parseInt(response.headers.get("Retry-After"), 10) || 2 ** attempt;
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    }
  }
}

/** Return the detail of a problem, or the body if a gateway in front answered instead. */
async function reason(response) {
  const body = await response.text();
  try {
    const { detail, message } = JSON.parse(body);
    if (detail ?? message) return `${detail ?? message} (HTTP ${response.status})`;
  } catch {
    // Not JSON: shown as sent.
  }
  return `HTTP ${response.status} ${response.statusText}: ${body.slice(0, 200)}`;
}

// ─────────────────────────────────────────────────────────────────────────────────────────────

const TEXTS = ["The film is good, and the cast is fine.", "A dull film and a bad ending."];
const NAMING = "Ada Lovelace joined Reuters in New York 🗽.";
const [GREEN, RED, PLAIN] = ["\x1b[1;32m", "\x1b[1;31m", "\x1b[0m"];

async function show(service, texts) {
  console.log("One text");
  const one = await service.predict(texts[0]);
  console.log(line(one.predictions[0], texts[0]));

  console.log("\nAll of them, in one request");
  const all = await service.predict(texts, { top_k: 1 });
  all.predictions.forEach((prediction, index) => console.log(line(prediction, texts[index])));

  console.log("\nWhy");
  const { model, predictions, timings } = await service.predict(texts, { explain: true });
  predictions.forEach((prediction, index) =>
    console.log(line(prediction, marked(texts[index], prediction.highlights ?? []))));

  if ((await service.models()).some(({ name }) => name === "ner")) {
    console.log("\nWhat a text names");
    const [{ entities }] = (await service.entities(NAMING)).predictions;
    entities.forEach((entity) => console.log(line(entity, entity.text)));
  }

  console.log(`\nAnswered by ${model.name} ${model.version} in ${timings.total_ms.toFixed(1)} ms.`);
}

const line = ({ label, score }, text) =>
  `  ${label.padEnd(10)}${`${(100 * score).toFixed(1)}%`.padStart(6)}  ${text}`;

/** Return the text with its strongest words in green, or red if they count against the label. */
function marked(text, highlights) {
  const points = Array.from(text); // offsets are code points, strings are UTF-16
  const strongest = Math.max(0, ...highlights.map(({ weight }) => Math.abs(weight)));
  const pieces = [];
  let at = 0;
  for (const { start, end, weight } of highlights) {
    if (Math.abs(weight) <= strongest / 4) continue;
    pieces.push(...points.slice(at, start), mark(points.slice(start, end).join(""), weight));
    at = end;
  }
  return [...pieces, ...points.slice(at)].join("");
}

function mark(words, weight) {
  if (process.stdout.isTTY && !("NO_COLOR" in process.env)) {
    return `${weight > 0 ? GREEN : RED}${words}${PLAIN}`;
  }
  return `[${words} ${weight > 0 ? "+" : ""}${weight.toFixed(2)}]`;
}

const texts = process.argv.slice(2);
const service = new Evergreen({
  url: process.env.EVERGREEN_URL || undefined,
  key: process.env.EVERGREEN_API_KEY,
});
try {
  await show(service, texts.length ? texts : TEXTS);
} catch (error) {
  if (!(error instanceof ServiceError)) throw error;
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
}
