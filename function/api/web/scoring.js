/** Scores many texts in small requests, two at a time, with retries while the service is busy or starting. */

import { Problem } from "./service.js";
import { answerOf } from "./verdict.js";
import { amount, characters, number } from "./wording.js";

const BATCH = 16;
const LANES = 2;
const ATTEMPTS = 6;
const PASSING = new Set([0, 429, 502, 503, 504]);
const ABOUT_THE_TEXTS = new Set([400, 413, 422]);
/** Room for the JSON around the texts. */
const ENVELOPE_BYTES = 1000;

const ENCODER = new TextEncoder();

/**
 * Calls `onOutcome(row, outcome)` for every row of `rows` that is done. Throws the Problem that ended
 * the run; rows without an outcome can be scored in a later run.
 */
export async function scoreTexts(rows, { textOf, predict, limits = {}, signal, onOutcome, onWait }) {
  const stop = new AbortController();
  const ended = AbortSignal.any([signal, stop.signal]);
  const queue = batches(rows, { textOf, limits, onOutcome });
  let answered = 0;

  const settle = async (batch) => {
    try {
      const predictions = await patiently(() => predict(batch.map(textOf), ended), { signal: ended, onWait });
      answered += 1;
      batch.forEach((row, index) => {
        const { words, score } = answerOf(predictions[index]);
        onOutcome(row, score === null ? { label: words } : { label: words, score });
      });
    } catch (problem) {
      if (!isAboutTheTexts(problem, answered)) throw problem;
      if (batch.length === 1) {
        onOutcome(batch[0], { error: problem.message });
        return;
      }
      // One bad text fails a whole request: halving isolates it, and the others keep their answers.
      const half = batch.length >> 1;
      await settle(batch.slice(0, half));
      await settle(batch.slice(half));
    }
  };

  const lane = async () => {
    for (const batch of queue) {
      ended.throwIfAborted();
      await settle(batch);
    }
  };

  try {
    await Promise.all(Array.from({ length: LANES }, lane));
  } catch (problem) {
    stop.abort();
    throw problem;
  }
}

/** A server that has answered before probably fails at one text only. */
function isAboutTheTexts(problem, answered) {
  return problem instanceof Problem && (ABOUT_THE_TEXTS.has(problem.status) || (problem.status === 500 && answered > 0));
}

/** Lanes share this generator, so each batch is taken once. */
function* batches(rows, { textOf, limits, onOutcome }) {
  const size = Math.min(BATCH, limits.texts ?? BATCH);
  const room = (limits.body_bytes ?? Infinity) - ENVELOPE_BYTES;
  let batch = [];
  let bytes = 0;
  for (const row of rows) {
    const text = textOf(row);
    const error = refusal(text, limits);
    if (error) {
      onOutcome(row, { error });
      continue;
    }
    const weight = ENCODER.encode(JSON.stringify(text)).length + 1;
    if (batch.length && (batch.length === size || bytes + weight > room)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(row);
    bytes += weight;
  }
  if (batch.length) yield batch;
}

function refusal(text, limits) {
  if (!text.trim()) return "no text";
  const count = characters(text);
  if (count <= (limits.characters ?? Infinity)) return null;
  return `too long: ${amount(count, "character")}, at most ${number(limits.characters)}`;
}

/** Waits as long as the service asks, or else longer each time. */
async function patiently(call, { signal, onWait }) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (problem) {
      if (!PASSING.has(problem.status) || attempt === ATTEMPTS) throw problem;
      const wait = problem.retryAfter ?? 2 ** (attempt - 1);
      onWait(wait, problem);
      await pause(wait * 1000, signal);
    }
  }
}

function pause(duration, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, duration);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
