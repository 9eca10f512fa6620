/** CSV after RFC 4180: quoted fields may hold delimiters, line breaks and doubled quotes. */

const DELIMITERS = [",", ";", "\t"];
const QUOTED = /"(?:[^"]|"")*"/g;
const BREAK = /[\r\n]/;

/** Returns the delimiter of the header: spreadsheets in many countries use semicolons. */
export function delimiterOf(text) {
  const [header] = text.slice(0, 10_000).replace(QUOTED, "").split(BREAK, 1);
  const fields = (delimiter) => header.split(delimiter).length;
  return DELIMITERS.reduce((best, delimiter) => (fields(delimiter) > fields(best) ? delimiter : best));
}

/** Returns all records; empty lines are none. */
export function parseCsv(text, delimiter = ",") {
  const records = [];
  let record = [];
  let quoted = false;
  let at = 0;

  const endRecord = () => {
    if (record.length > 1 || record[0] || quoted) records.push(record);
    record = [];
    quoted = false;
  };

  while (at < text.length) {
    if (text[at] === '"') {
      quoted = true;
      at = takeQuoted(text, at, record, records.length + 1);
    } else {
      const start = at;
      while (at < text.length && text[at] !== delimiter && !isBreak(text[at])) at += 1;
      record.push(text.slice(start, at));
    }
    if (text[at] === delimiter) {
      at += 1;
      if (at === text.length || isBreak(text[at])) record.push("");
      else continue;
    } else if (at < text.length && !isBreak(text[at])) {
      throw new Error(`Record ${records.length + 1} has text after a closing quote.`);
    }
    endRecord();
    at += text.startsWith("\r\n", at) ? 2 : 1;
  }
  return records;
}

export function formatCsv(records, delimiter = ",") {
  const quotable = (field) => field.includes(delimiter) || field.includes('"') || BREAK.test(field);
  const written = (field) => (quotable(field) ? `"${field.replaceAll('"', '""')}"` : field);
  // A record of one empty field would otherwise be an empty line, which is no record.
  const line = (record) => (record.length === 1 && record[0] === "" ? '""' : record.map(written).join(delimiter));
  return records.map((record) => `${line(record)}\r\n`).join("");
}

const isBreak = (character) => character === "\n" || character === "\r";

/** Pushes the quoted field that opens at `at`; returns the index after it. */
function takeQuoted(text, at, record, number) {
  let field = "";
  for (;;) {
    const close = text.indexOf('"', at + 1);
    if (close < 0) throw new Error(`A quote that opens in record ${number} is never closed.`);
    field += text.slice(at + 1, close);
    at = close + 1;
    if (text[at] !== '"') break;
    field += '"';
  }
  record.push(field);
  return at;
}
