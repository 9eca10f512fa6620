/**
 * Texts to try: those of the model's manifest, else ones written for this page, if the model was measured
 * on data of their kind, else none.
 */

const NAME_LENGTH = 32;

const REVIEWS = [
  {
    name: "A love letter",
    text: `I walked in expecting a quiet little drama and walked out wanting to call everyone I know. The story is simple: a lighthouse keeper, his estranged daughter, and one winter to make up for twenty lost years. But the way it is told is anything but simple. Every scene breathes. The camera lingers on hands, on kettles, on the sea, and somehow all of it matters.

The two leads are extraordinary together. There is a moment, halfway through, when she finds the letters he never sent, and neither of them says a word for almost two minutes. I have not heard a cinema that silent in years. The score is warm without ever begging for tears, and the ending earns every one of them.

Is it slow? A little, at first. Give it ten minutes. It is the most generous, beautifully acted film I have seen this year, and I cannot wait to see it again.`,
  },
  {
    name: "A scathing one",
    text: `Two and a half hours of my life that I will never get back. The plot makes no sense, the dialogue sounds as if it had been translated twice, and the hero has the charm of a parking ticket. Even the explosions looked bored. By the third pointless flashback half the row in front of me had left, and I envied them. Awful from start to finish.`,
  },
  {
    name: "In two minds",
    text: `The photography is gorgeous and the first half hour is as gripping as anything this director has made. Then the story loses its nerve: characters forget what they wanted, the villain simply leaves, and the ending feels like a committee wrote it. I do not regret seeing it, but I would not tell a friend to hurry.`,
  },
  {
    name: "One line",
    text: "came for the popcorn, stayed for the cat. best 90 minutes of my week 🐈🍿",
  },
];

/** Texts with entities, except the last. */
const NEWS = [
  {
    name: "A life",
    text: "Marie Curie was born in Warsaw in 1867 and moved to Paris to study physics. She shared the Nobel Prize in 1903 with Pierre Curie and Henri Becquerel, and later led a laboratory at the Radium Institute. Her daughter Irène was born in Paris; Poland and France both call her their own.",
  },
  {
    name: "News in brief",
    text: `GENEVA - The World Health Organization said on Monday that it had opened an office in Nairobi.

Kenya's health minister welcomed the step. "We have asked for this since 2019," he told Reuters in London. The European Union and Japan are to pay for the first three years.`,
  },
  {
    name: "A postcard",
    text: "Off to Lisbon 🇵🇹 with Zoë and the crew from Siemens, next stop São Tomé 🎉 then home to München 🚆",
  },
  {
    name: "Nothing to find",
    text: "The soup was warm, the bread was fresh, and nobody said a word until the plates were empty.",
  },
];

const SHORT_REVIEWS = [
  "A small film with an enormous heart.",
  "Two hours that felt like ten, and not a single laugh.",
  "Funny, tender and over far too soon.",
  "The trailer had every good joke, both of them.",
  "Gorgeous to look at, impossible to care about.",
  "My kids have asked to see it again, and so have I.",
  "A lazy sequel nobody asked for.",
  "The cast is superb and the script lets them fly.",
  "It means well, but meaning well is not a plot.",
  "Pure joy, from the opening song to the last frame.",
  "Loud, long and utterly forgettable.",
  "The best ensemble of the year, no contest.",
  "I have had more fun reading the safety card on a plane.",
  "Clever without ever showing off.",
  "Wooden acting, worse editing, and a terrible wig.",
  "It took me by surprise and I cried on the bus home.",
  "A pleasant way to spend a rainy afternoon.",
  "A masterclass in tension.",
  "Somebody should apologise for that ending.",
  "Warm, witty and wonderfully strange.",
];

const reads = (model, ...datasets) =>
  Object.keys(model?.metrics ?? {}).some((measured) => datasets.some((dataset) => measured.startsWith(dataset)));
const readsReviews = (model) => reads(model, "imdb", "sst2");

/** Returns a list of `{name, text}`. */
export function samples(model) {
  if (model?.samples?.length) return model.samples.map((text) => ({ name: shortened(text), text }));
  if (readsReviews(model)) return REVIEWS;
  return reads(model, "conll2003") ? NEWS : [];
}

/** Returns a CSV file, or null if there is none of the model's kind. */
export function sampleFile(model) {
  const own = model?.samples?.length ? model.samples : null;
  const texts = own ?? (readsReviews(model) ? SHORT_REVIEWS : null);
  if (!texts) return null;
  const lines = texts.map((text, index) => `${index + 1},"${text.replaceAll('"', '""')}"`);
  const [column, name] = own ? ["text", "sample.csv"] : ["review", "sample-reviews.csv"];
  return new File([[`id,${column}`, ...lines].join("\r\n")], name, { type: "text/csv" });
}

function shortened(text) {
  const points = Array.from(text.trim());
  return points.length > NAME_LENGTH ? `${points.slice(0, NAME_LENGTH - 1).join("").trimEnd()}…` : text.trim();
}
