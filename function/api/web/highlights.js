/** Pieces of text from weighted spans. */

import { cut } from "./spans.js";

const LEVELS = 4;
const FAINTEST = 0.12;

/** The text in order, cut into pieces: `{text, weight, level}`; a level of 0 is plain text. */
export function pieces(text, highlights) {
  const strongest = highlights.reduce((most, { weight }) => Math.max(most, Math.abs(weight)), Number.EPSILON);
  const share = ({ weight }) => Math.abs(weight) / strongest;
  const telling = highlights.filter((highlight) => share(highlight) >= FAINTEST);
  return cut(text, telling).map(({ text: piece, span }) => ({
    text: piece,
    weight: span?.weight ?? 0,
    level: span ? Math.ceil(share(span) * LEVELS) : 0,
  }));
}

/** The words with the greatest weight on one side, for readers who do not see the colours. */
export function strongestWords(parts, sign, count = 5) {
  return parts
    .filter(({ level, weight }) => level > 0 && Math.sign(weight) === sign)
    .sort((one, other) => Math.abs(other.weight) - Math.abs(one.weight))
    .slice(0, count)
    .map(({ text }) => text.trim());
}
