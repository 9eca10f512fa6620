/** Formats of numbers and amounts. */

const PERCENT = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const WHOLE = new Intl.NumberFormat("en");

/** Never rounds a probability below 1 up to 100%. */
export function percent(share) {
  if (share < 1 && share >= 0.9995) return "> 99.9%";
  if (share > 0 && share < 0.0005) return "< 0.1%";
  return PERCENT.format(share);
}

export const number = (value) => WHOLE.format(value);

export const amount = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

export const milliseconds = (value) =>
  value < 10 ? `${value.toFixed(1)} ms` : value < 10_000 ? `${number(Math.round(value))} ms` : `${(value / 1000).toFixed(1)} s`;

/** The service counts Unicode code points; `length` would count UTF-16 units. */
export function characters(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
