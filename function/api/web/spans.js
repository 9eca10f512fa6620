/** Texts and their spans. Offsets are code points, while JavaScript counts UTF-16 units. */

/** The text in order, cut at `spans`: `{text, span}`, with a null span between them. */
export function cut(text, spans) {
  const points = Array.from(text);
  const found = [];
  let at = 0;

  const add = (end, span) => {
    if (end > at) found.push({ text: points.slice(at, end).join(""), span });
    at = Math.max(at, end);
  };

  for (const span of [...spans].sort((one, other) => one.start - other.start)) {
    add(span.start, null);
    add(span.end, span);
  }
  add(points.length, null);
  return found;
}
