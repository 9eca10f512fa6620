/** The tab for one text: what it is about. */

import { find } from "./dom.js";
import { CLASSIFICATION } from "./models.js";
import { SAMPLES } from "./samples.js";
import { textForm } from "./text-form.js";
import { drawVerdict } from "./verdict.js";
import { percent } from "./wording.js";

export function textPanel(service, models) {
  const region = find("verdict");

  const draw = (text, { predictions: [prediction], model, timings }, roundTrip) => {
    const labels = models.labels(model.name) ?? prediction.scores.map(({ label }) => label).sort();
    drawVerdict(region, { text, prediction, labels, model, timings, roundTrip });
  };

  textForm({
    name: "text",
    result: region,
    samples: SAMPLES,
    busy: "Classifying.",
    limits: () => models.chosen(CLASSIFICATION)?.limits,
    async answer(text, signal, announce) {
      const model = models.chosen(CLASSIFICATION)?.name;
      const ask = (parameters) => service.predict([text], { model, parameters, signal });
      const { answer, roundTrip } = await ask({});
      await models.load();
      const [prediction] = answer.predictions;
      draw(text, answer, roundTrip);
      announce(`${prediction.label}, ${percent(prediction.score)} sure.`);
      // The words cost many readings of the text: the verdict does not wait for them.
      const explained = await ask({ explain: true });
      draw(text, { ...answer, predictions: explained.answer.predictions }, roundTrip);
    },
  });
}
