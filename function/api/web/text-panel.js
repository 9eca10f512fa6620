/** The tab for the classification of one text. */

import { find } from "./dom.js";
import { CLASSIFICATION } from "./models.js";
import { textForm } from "./text-form.js";
import { answerOf, drawVerdict } from "./verdict.js";
import { percent } from "./wording.js";

export function textPanel(service, models) {
  const region = find("verdict");
  const feedback = find("feedback");
  const second = find("text-pair");

  const draw = (text, { predictions: [prediction], model, timings }, roundTrip) => {
    const labels = models.labels(model.name) ?? prediction.scores.map(({ label }) => label).sort();
    const cascade = models.cascade(model.name);
    drawVerdict(region, { text, prediction, labels, model, cascade, timings, roundTrip });
  };

  /** Shown if the service logs predictions, which few do. */
  const offerFeedback = async ({ id, model, prediction, signal }) => {
    const { askWhetherRight } = await import("./feedback.js");
    if (signal.aborted) return;
    const labels = models.labels(model) ?? prediction.scores.map(({ label }) => label);
    const send = (label) => service.feedback({ id, model, label });
    askWhetherRight(feedback, { label: prediction.label, labels, send });
  };

  const offerSamples = textForm({
    name: "text",
    second,
    result: region,
    busy: "Classifying.",
    models,
    task: CLASSIFICATION,
    async answer([text, pair], signal) {
      const { name: model, pairs } = models.chosen(CLASSIFICATION);
      const inputs = [pairs ? { text, text_pair: pair } : text];
      const ask = (parameters, logged) => service.predict(inputs, { model, parameters, logged, signal });
      feedback.replaceChildren();
      const { answer, roundTrip, id } = await ask({}, true);
      const [prediction] = answer.predictions;
      draw(text, answer, roundTrip);
      const { words, score, supported } = answerOf(prediction);
      const says = score === null ? `${words}.` : `${words}, ${percent(score)} sure.`;
      if (id && prediction.label) offerFeedback({ id, model: answer.model.name, prediction, signal });
      if (pairs || supported === null) return { says }; // no words are weighed
      // Weighing words takes many model calls: the verdict does not wait for it.
      const more = async () => {
        const explained = await ask({ explain: true }, false);
        draw(text, { ...answer, predictions: explained.answer.predictions }, roundTrip);
      };
      return { says, more };
    },
  });
  models.follow(() => {
    second.hidden = !models.chosen(CLASSIFICATION)?.pairs;
    offerSamples();
  });
}
