/** The tab that compares the embeddings of texts. */

import { element, find } from "./dom.js";
import { EMBEDDING } from "./models.js";
import { textForm } from "./text-form.js";
import { amount } from "./wording.js";

export function similarityPanel(service, models) {
  const region = find("similarities");
  const offerSamples = textForm({
    name: "similarity",
    split: (value) => value.split("\n").filter((line) => line.trim()),
    result: region,
    busy: "Comparing.",
    models,
    task: EMBEDDING,
    async answer(texts, signal) {
      const asked = { model: models.chosen(EMBEDDING).name, parameters: {}, signal };
      const { answer: { predictions } } = await service.predict(texts, asked);
      const [first, ...others] = predictions.map(({ embedding }) => embedding);
      const rows = others
        .map((vector, index) => ({ text: texts[index + 1], similarity: cosine(first, vector) }))
        .sort((one, other) => other.similarity - one.similarity);
      const says = rows.length
        ? `${amount(rows.length, "text")} compared with the first; the most similar comes first.`
        : `The text is a vector of ${first.length} numbers. Add a line to compare it with.`;
      region.replaceChildren(
        element("p", { class: "quiet" }, says),
        element("ol", {}, ...rows.map(({ text, similarity }) =>
          element("li", {}, `${similarity.toFixed(2)} · `, element("bdi", {}, text)))),
      );
      region.hidden = false;
      return { says };
    },
  });
  models.follow(offerSamples);
}

function cosine(one, other) {
  const dot = (a, b) => a.reduce((sum, value, index) => sum + value * b[index], 0);
  return dot(one, other) / (Math.sqrt(dot(one, one) * dot(other, other)) || 1);
}
