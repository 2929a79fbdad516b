// Says so where the host makes another number of a typed one, because the setting goes in steps: 500 becomes 504.

import { app } from "../../../scripts/app.js";
import { extend } from "./extend.js";
import { showBriefly } from "./toast.js";
import { t } from "./words.js";

/** The step of a widget of whole numbers; 1 for any other. */
const stepOf = ({ options }) => Number(options?.step2) || 1;

function tell(widget, typed) {
  const { name, value } = widget;
  const step = stepOf(widget);
  if (typeof typed !== "number" || typed === value || Math.abs(typed - value) >= step) return;
  const detail = t("{name} is {value} now: it goes in steps of {step}, and {typed} is none.", {
    name,
    value,
    step,
    typed,
  });
  showBriefly(detail);
}

app.registerExtension({
  name: "Athanor.Rounded",
  nodeCreated(node) {
    if (!node.comfyClass?.startsWith("Athanor")) return;
    for (const widget of node.widgets ?? []) {
      if (stepOf(widget) > 1) extend(widget, "callback", (typed) => tell(widget, typed));
    }
  },
});
