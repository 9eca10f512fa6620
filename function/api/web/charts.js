/** Two small SVG charts of a file's results; each has a description in words. */

import { drawing, element } from "./dom.js";
import { amount, number, percent } from "./wording.js";

const WIDTH = 320;
const MOST_BARS = 10;
const BIN = 0.05;

/** `groups` is `[{label, tone, count, scores}]`, the largest first; rows without a label have no score. */
export function countsChart(groups) {
  const rows = merged(groups);
  const total = rows.reduce((sum, { count }) => sum + count, 0);
  const largest = Math.max(...rows.map(({ count }) => count));
  const step = 46;
  const bars = rows.flatMap(({ label, tone, count }, index) => {
    const top = index * step;
    return [
      drawing("text", { x: 0, y: top + 14 }, shortened(label)),
      drawing("text", { x: WIDTH, y: top + 14, "text-anchor": "end", class: "quiet" },
        `${number(count)} · ${percent(count / total)}`),
      drawing("rect", { x: 0, y: top + 22, width: WIDTH, height: 8, rx: 4, class: "track" }),
      drawing("rect", { x: 0, y: top + 22, width: Math.max((count / largest) * WIDTH, 8), height: 8, rx: 4, "data-tone": tone }),
    ];
  });
  const summary = rows.map(({ label, count }) => `${label} ${number(count)}`).join(", ");
  return figure("Rows per label", summary, rows.length * step - 12, bars);
}

/** Scores as columns of five points each, stacked by label; null if there are none. */
export function scoresChart(groups) {
  const all = groups.flatMap(({ scores }) => scores);
  if (!all.length) return null;
  const first = Math.floor(all.reduce((least, score) => Math.min(least, score), 0.5) / BIN);
  const count = Math.round(1 / BIN) - first;
  const stacks = groups.map(({ tone, scores }) => ({ tone, counts: binned(scores, first, count) }));
  const heights = Array.from({ length: count }, (_, bin) => stacks.reduce((sum, { counts }) => sum + counts[bin], 0));
  const tallest = Math.max(...heights);
  const base = 132;
  const scale = (base - 24) / tallest;
  const step = WIDTH / count;

  const columns = heights.flatMap((_, bin) => {
    let top = base;
    return stacks.filter(({ counts }) => counts[bin]).map(({ tone, counts }) => {
      const height = counts[bin] * scale;
      top -= height;
      return drawing("rect", { x: bin * step + 1.5, y: top, width: step - 3, height, rx: 1.5, "data-tone": tone });
    });
  });
  const peak = heights.indexOf(tallest);
  const lowest = first * BIN;
  const ticks = [lowest, (lowest + 1) / 2, 1].map((share, index) =>
    drawing("text", { x: (WIDTH / 2) * index, y: base + 20, class: "quiet", "text-anchor": ["start", "middle", "end"][index] },
      `${Math.round(share * 100)}%`));
  const sure = all.filter((score) => score >= 0.9).length;

  return figure("How sure", `${amount(sure, "row")} of ${number(all.length)} at 90% or more`, base + 26, [
    drawing("line", { x1: 0, x2: WIDTH, y1: base + 0.5, y2: base + 0.5, class: "axis" }),
    drawing("text", { x: Math.min(Math.max((peak + 0.5) * step, 14), WIDTH - 14), y: base - tallest * scale - 7, "text-anchor": "middle", class: "quiet" }, number(tallest)),
    ...columns,
    ...ticks,
  ]);
}

function figure(title, summary, height, content) {
  return element(
    "figure",
    { class: "chart" },
    element("figcaption", {}, title),
    drawing("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": `${title}: ${summary}` }, ...content),
  );
}

function binned(scores, first, count) {
  const counts = new Array(count).fill(0);
  for (const score of scores) {
    // 0.95 / 0.05 falls just short of 19 in binary fractions.
    const bin = Math.floor(score / BIN + 1e-9) - first;
    counts[Math.min(Math.max(bin, 0), count - 1)] += 1;
  }
  return counts;
}

function merged(groups) {
  if (groups.length <= MOST_BARS) return groups;
  const rest = groups.slice(MOST_BARS - 1);
  const others = rest.reduce((sum, { count }) => sum + count, 0);
  return [...groups.slice(0, MOST_BARS - 1), { label: `${rest.length} other labels`, tone: "none", count: others }];
}

const shortened = (label) => (label.length > 24 ? `${label.slice(0, 23)}…` : label);
