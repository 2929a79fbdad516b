// What the short words of panel and lists mean: shown under the pointer.

import { t } from "./words.js";

/** Sentences by word, in the page's language. */
export const terms = () => ({
  loss: t("loss: how far the model's guess is from what was asked; it jumps from step to step, so look at its mean"),
  probe: t("probe: the loss on the same pictures with the same noise, in % of that before training; lower is better"),
  norm: t("norm: how much the LoRA changes the model, over all its layers; it grows while the LoRA learns"),
  speed: t("it/s: steps in a second; s/it: seconds for a step"),
  lr: t("lr: the learning rate of the last step"),
});
