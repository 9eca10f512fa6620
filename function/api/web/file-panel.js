/** The tab for a file of texts. */

import { element, find } from "./dom.js";
import { CLASSIFICATION } from "./models.js";
import { drawOutcome } from "./outcome.js";
import * as problems from "./problems.js";
import { sampleFile } from "./samples.js";
import { scoreTexts } from "./scoring.js";
import { likelyColumn, readTable } from "./table.js";
import { amount, number } from "./wording.js";

const NOT_SCORED = { error: "not scored" };
const UNSUITED = { title: "This page does not score files by numbers or in pairs", detail: "Use make score." };

export function filePanel(service, models) {
  const alert = find("file-problem");
  const status = find("file-status");
  const waiting = find("file-waiting");
  let job = null;
  let opening = null;

  const open = async (file) => {
    close();
    const own = (opening = Symbol());
    status.textContent = waiting.textContent = `Reading ${file.name} …`;
    waiting.hidden = false;
    try {
      const table = await readTable(file);
      if (opening !== own) return;
      job = { name: file.name, table, outcomes: new Array(table.length).fill(null), run: null };
      showJob(job);
      find("score").focus();
    } catch (error) {
      if (opening === own) problems.show(alert, { title: "This file cannot be read", detail: error.message });
    } finally {
      if (opening === own) waiting.hidden = true;
    }
  };

  const close = () => {
    job?.run?.abort();
    job = null;
    problems.clear(alert);
    find("file").value = "";
    find("outcome").hidden = true;
    find("job").hidden = true;
    find("drop").hidden = false;
  };

  const score = async () => {
    const { table, outcomes } = job;
    const started = job;
    const run = (started.run = new AbortController());
    const column = find("column").value;
    const textOf = (row) => table.text(row, column);
    const rows = outcomes.flatMap((outcome, row) => (outcome === null ? [row] : []));
    problems.clear(alert);
    find("outcome").hidden = true;
    const progress = follow(rows.length);
    status.textContent = `Scoring ${amount(rows.length, "row")}.`;

    let shown = [];
    try {
      // One model scores one file, even if the rest is scored later.
      if (rows.length === outcomes.length) started.model = await models.require(CLASSIFICATION);
      const { name: model, limits, answer_key, pairs } = started.model;
      if (answer_key === "score" || pairs) shown = [UNSUITED];
      else await scoreTexts(rows, {
        textOf,
        limits,
        signal: run.signal,
        onOutcome(row, outcome) {
          outcomes[row] = outcome;
          progress.advance();
        },
        onWait: progress.waiting,
        async predict(texts, signal) {
          const { answer } = await service.predict(texts, { model, parameters: { top_k: 1 }, signal });
          return answer.predictions;
        },
      });
    } catch (error) {
      const again = { text: error.wantsKey ? "Enter the key" : "Try again", run: score };
      if (error.name !== "AbortError") shown = [problems.describe(error), again];
    }
    if (job !== started) return;
    showEnd(shown, textOf);
  };

  const showEnd = (shown, textOf) => {
    const { name, table, outcomes, model } = job;
    const remaining = outcomes.filter((outcome) => outcome === null).length;
    const settled = outcomes.map((outcome) => outcome ?? NOT_SCORED);
    const focused = find("job-progress").contains(document.activeElement);
    find("job-progress").hidden = true;
    let end = find("score");
    if (remaining === outcomes.length) find("job-start").hidden = false;
    else {
      status.textContent = drawOutcome(find("outcome"), {
        outcomes: settled,
        textOf,
        labels: model.labels,
        remaining,
        onRest: score,
        save: () => save(table.write(settled), table.type, scoredName(name)),
      });
      end = find("outcome").querySelector("h2");
    }
    if (shown.length) problems.show(alert, ...shown);
    // Cancel had the focus, unless the visitor went elsewhere meanwhile.
    if (focused) end.focus();
  };

  find("score").addEventListener("click", score);
  find("cancel").addEventListener("click", () => job?.run?.abort());
  find("another-file").addEventListener("click", () => {
    close();
    find("choose-file").focus();
  });
  find("choose-file").addEventListener("click", () => find("file").click());
  find("sample-file").addEventListener("click", () => open(sampleFile(models.chosen(CLASSIFICATION))));
  models.follow(() => {
    find("sample-file").hidden = !sampleFile(models.chosen(CLASSIFICATION));
  });
  find("file").addEventListener("change", ({ target }) => target.files[0] && open(target.files[0]));
  acceptDrops(find("file-panel"), open);
}

function showJob({ name, table }) {
  find("file-name").textContent = name;
  find("file-rows").textContent = amount(table.length, "row");
  find("column").replaceChildren(...table.columns.map((column) => element("option", { value: column }, column)));
  find("column").value = likelyColumn(table);
  find("column-choice").hidden = table.columns.length < 2;
  find("score").textContent = `Score ${amount(table.length, "row")}`;
  find("drop").hidden = true;
  find("job-progress").hidden = true;
  find("job-start").hidden = false;
  find("job").hidden = false;
}

/** Shows the progress of a run and its remaining time. */
function follow(total) {
  const bar = find("progress");
  const started = performance.now();
  let done = 0;

  const draw = (note = "") => {
    bar.value = done;
    const left = ((performance.now() - started) / 1000 / done) * (total - done);
    const guess = done && left > 2 ? ` · about ${amount(Math.round(left), "second")} left` : "";
    find("progress-text").textContent = `${number(done)} of ${number(total)}${note || guess}`;
  };

  bar.max = total;
  draw();
  find("job-start").hidden = true;
  find("job-progress").hidden = false;
  find("cancel").focus();
  return {
    advance() {
      done += 1;
      draw();
    },
    waiting(seconds, { status }) {
      draw(` · ${status === 0 ? "no connection" : "the service is busy"}, trying again in ${amount(seconds, "second")}`);
    },
  };
}

function acceptDrops(area, open) {
  const mark = (over) => find("drop").toggleAttribute("data-over", over);
  area.addEventListener("dragover", (event) => {
    event.preventDefault();
    mark(true);
  });
  area.addEventListener("dragleave", () => mark(false));
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(false);
    const [file] = event.dataTransfer.files;
    if (file) open(file);
  });
}

const scoredName = (name) => name.replace(/(\.[^.]*)?$/, ".scored$1");

function save(content, type, name) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  element("a", { href: url, download: name }).click();
  // The download reads the address after the click has returned.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
