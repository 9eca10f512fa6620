/** The colour of a label. */

const TONES = 8;

/** It follows the label's index in the model's list, so it is the same everywhere. */
export function tone(label, labels) {
  const at = labels.indexOf(label);
  return at < 0 ? "none" : String(at % TONES);
}
