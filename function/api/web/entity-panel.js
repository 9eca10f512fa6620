/** The tab for the entities of a text. */

import { bubble } from "./bubble.js";
import { find } from "./dom.js";
import { drawFindings } from "./findings.js";
import { ENTITIES } from "./models.js";
import { textForm } from "./text-form.js";
import { amount } from "./wording.js";

export function entityPanel(service, models) {
  const region = find("findings");
  bubble(region, ".entity");
  const offerSamples = textForm({
    name: "entities",
    result: region,
    busy: "Looking for entities.",
    models,
    task: ENTITIES,
    async answer([text], signal) {
      const asked = { model: models.chosen(ENTITIES).name, parameters: {}, signal };
      const { answer: { predictions: [prediction], model, timings }, roundTrip } = await service.predict([text], asked);
      const labels = models.labels(model.name);
      drawFindings(region, { text, prediction, labels, model, timings, roundTrip });
      const count = prediction.entities.length;
      return { says: count ? `${amount(count, "entity", "entities")} found.` : "No entities found." };
    },
  });
  models.follow(offerSamples);
}
