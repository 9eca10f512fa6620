/** The HTTP API as the page sees it. Every failure is a Problem; status 0 means that no answer came at all. */

const KEY = "evergreen-key";
/** Browsers send no other characters in the header of a key. */
const SENDABLE = /^[\x20-\x7e]+$/;
const MAX_WAIT_SECONDS = 60;

export class Problem extends Error {
  constructor(status, { title = "", detail = "", retryAfter = null, key = null } = {}) {
    super(detail || title || `status ${status}`);
    this.status = status;
    this.detail = detail;
    this.retryAfter = retryAfter;
    this.key = key;
  }

  get wantsKey() {
    return this.status === 401 || this.status === 403;
  }
}

export class Service {
  #askForKey;
  #asking = null;
  #key = stored();

  /** `askForKey(reason)` resolves to the key, or to null when the visitor declines. */
  constructor(askForKey) {
    this.#askForKey = askForKey;
  }

  /** The served models. Before a visitor has `submitted` anything, it asks for no key. */
  async models({ submitted }) {
    const list = () => this.#send("v1/models", {});
    const { content } = await (submitted ? this.#withKey(list) : list());
    return content.models;
  }

  /**
   * The answer to a list of texts, the round trip in milliseconds and, if predictions are logged, the first
   * one's `id`. Pass `logged` as false to show an answer again without logging it again.
   */
  async predict(texts, { model, parameters, logged = true, signal }) {
    const path = `v1/models/${encodeURIComponent(model)}/predict`;
    const request = { ...posted({ inputs: texts, parameters }), signal };
    if (!logged) request.headers["X-Prediction-Log"] = "off";
    return this.#withKey(() => this.#timed(path, request));
  }

  /** Sends the right label of a prediction. */
  async feedback(right) {
    await this.#send("v1/feedback", posted(right));
  }

  /** Sends once more, with a key, what was refused for want of one. */
  async #withKey(send) {
    try {
      return await send();
    } catch (problem) {
      if (!problem.wantsKey || !(await this.#newKey(problem.key))) throw problem;
    }
    return send();
  }

  async #timed(path, request) {
    const started = performance.now();
    const { content, id } = await this.#send(path, request);
    return { answer: content, id, roundTrip: performance.now() - started };
  }

  /** Concurrent requests share one dialog and its answer. */
  #newKey(refused) {
    if (this.#key !== null && this.#key !== refused) return true;
    this.#asking ??= this.#ask().finally(() => { this.#asking = null; });
    return this.#asking;
  }

  async #ask() {
    const reason = this.#key === null ? "wanted" : "refused";
    this.#key = null;
    let key = await this.#askForKey(reason);
    while (key !== null && !SENDABLE.test(key)) key = await this.#askForKey("unsendable");
    this.#key = key;
    store(key);
    return key !== null;
  }

  async #send(path, request) {
    const key = this.#key;
    const headers = { Accept: "application/json", ...request.headers };
    if (key) headers.Authorization = `Bearer ${key}`;
    let response;
    let body;
    try {
      response = await fetch(path, { ...request, headers });
      body = await response.text();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem(0);
    }
    const content = parsed(body);
    if (response.status === 202 || (response.ok && content !== null)) {
      return { content, id: response.headers.get("X-Prediction-Id") };
    }
    throw new Problem(response.status, {
      title: content?.title,
      detail: typeof content?.detail === "string" ? content.detail : "",
      retryAfter: seconds(response.headers.get("Retry-After")),
      key,
    });
  }
}

/** The key that this tab kept; a browser may block its storage, and then the page alone keeps it. */
function stored() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function store(key) {
  try {
    if (key === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, key);
  } catch {
    // See `stored`.
  }
}

const posted = (content) => ({
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(content),
});

/** A gateway in front of the service answers in HTML or plain text when it fails. */
function parsed(body) {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

function seconds(header) {
  if (header === null) return null;
  const wait = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(wait) ? Math.min(Math.max(Math.ceil(wait), 0), MAX_WAIT_SECONDS) : null;
}
