/** From weighted spans to pieces of text. Offsets are code points, while JavaScript counts UTF-16 units. */

const LEVELS = 4;
const FAINTEST = 0.12;

/** The text in order, cut into pieces: `{text, weight, level}`; a level of 0 is plain text. */
export function pieces(text, highlights) {
  const points = Array.from(text);
  const strongest = Math.max(...highlights.map(({ weight }) => Math.abs(weight)), Number.EPSILON);
  const ordered = [...highlights].sort((one, other) => one.start - other.start);
  const found = [];
  let at = 0;

  const add = (end, weight, level) => {
    if (end > at) found.push({ text: points.slice(at, end).join(""), weight, level });
    at = Math.max(at, end);
  };

  for (const { start, end, weight } of ordered) {
    const share = Math.abs(weight) / strongest;
    if (share < FAINTEST) continue;
    add(start, 0, 0);
    add(end, weight, Math.ceil(share * LEVELS));
  }
  add(points.length, 0, 0);
  return found;
}

/** The words with the greatest weight on one side, for those who do not see the colours. */
export function strongestWords(parts, sign, count = 5) {
  return parts
    .filter(({ level, weight }) => level > 0 && Math.sign(weight) === sign)
    .sort((one, other) => Math.abs(other.weight) - Math.abs(one.weight))
    .slice(0, count)
    .map(({ text }) => text.trim());
}
