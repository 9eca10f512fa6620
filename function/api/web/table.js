/** Rows of a file, read once and written back with the outcome of each row. */

import { delimiterOf, formatCsv, parseCsv } from "./csv.js";
import { number } from "./wording.js";

const MAX_BYTES = 50_000_000;
const BOM = "\uFEFF";
const LIKELY = ["text", "review", "sentence", "content", "body", "comment", "message", "tweet"];

/** An outcome is `{label, score}`, without a score for no label, or `{error}` for a row that could not be scored. */
export async function readTable(file) {
  if (file.size > MAX_BYTES) throw new Error(`The file is larger than ${number(MAX_BYTES / 1_000_000)} MB. Split it, or use the command line.`);
  const text = await readText(file);
  const table = /\.(jsonl|ndjson)$/i.test(file.name) ? jsonLines(text) : csv(text);
  if (!table.length) throw new Error("The file has no rows. A CSV file needs a header line and at least one row below it.");
  return table;
}

/** Returns the column that most likely holds the text: by its name, else by its lengths. */
export function likelyColumn(table) {
  const named = table.columns.find((column) => LIKELY.includes(column.toLowerCase()));
  if (named) return named;
  const sample = Array.from({ length: Math.min(table.length, 50) }, (_, row) => row);
  const size = (column) => sample.reduce((sum, row) => sum + table.text(row, column).length, 0);
  return table.columns.reduce((best, column) => (size(column) > size(best) ? column : best));
}

async function readText(file) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await file.arrayBuffer());
  } catch {
    throw new Error("The file is not UTF-8. Save it as “CSV UTF-8” and choose it again.");
  }
}

function csv(content) {
  const bom = content.startsWith(BOM) ? BOM : "";
  const text = content.slice(bom.length);
  const delimiter = delimiterOf(text);
  const [columns = [], ...rows] = parseCsv(text, delimiter);
  rows.forEach((row, index) => {
    if (row.length !== columns.length) {
      throw new Error(`Row ${index + 1} has ${row.length} fields where the header names ${columns.length}. A text with commas needs quotes around it.`);
    }
  });
  return {
    columns,
    length: rows.length,
    type: "text/csv",
    text: (row, column) => rows[row][columns.indexOf(column)],
    write(outcomes) {
      const added = outcomes.some(({ error }) => error) ? ["label", "score", "error"] : ["label", "score"];
      const header = [...columns, ...added.map((name) => free(name, columns))];
      const field = (outcome, name) => String(outcome[name] ?? "");
      const scored = rows.map((row, index) => [...row, ...added.map((name) => field(outcomes[index], name))]);
      return bom + formatCsv([header, ...scored], delimiter);
    },
  };
}

function jsonLines(content) {
  const lines = content.replace(BOM, "").split(/\r?\n/).filter((line) => line.trim());
  const rows = lines.map(parseLine);
  const columns = [...new Set(rows.flatMap(Object.keys))];
  return {
    columns,
    length: rows.length,
    type: "application/x-ndjson",
    text: (row, column) => (typeof rows[row][column] === "string" ? rows[row][column] : ""),
    write(outcomes) {
      const renamed = (outcome) =>
        Object.fromEntries(Object.entries(outcome).map(([name, value]) => [free(name, columns), value]));
      return lines.map((line, index) => `${extended(line, rows[index], renamed(outcomes[index]))}\n`).join("");
    },
  };
}

function parseLine(line, index) {
  let row = null;
  try {
    row = JSON.parse(line);
  } catch {
    // Handled below, together with JSON that is no object.
  }
  if (row === null || typeof row !== "object" || Array.isArray(row)) {
    throw new Error(`Line ${index + 1} is not a JSON object.`);
  }
  return row;
}

/** The line itself is kept: parsed and written again, a large number would lose digits. */
function extended(line, row, members) {
  const open = line.trimEnd().slice(0, -1);
  const comma = Object.keys(row).length ? ", " : "";
  return `${open}${comma}${JSON.stringify(members).slice(1)}`;
}

/** A file that is already labelled keeps its label. */
function free(name, columns) {
  return columns.includes(name) ? free(`predicted_${name}`, columns) : name;
}
