// Workflows that were saved when a node lacked widgets which stand between others today: the page gives values back by
// position.

import { app } from "../../../scripts/app.js";

/** The names of the widgets that a saved node has had. */
function namesIn(info) {
  return new Set((info.inputs ?? []).filter((input) => input.widget).map((input) => input.widget.name));
}

/** The widgets that a node was saved with, in today's order, which has only grown; null where its values do not fit. */
function savedWidgets(widgets, had, values) {
  const controls = (seed, one) => had.has(seed?.name) && seed.linkedWidgets?.includes(one); // "fixed", no input
  const kept = widgets.filter((one, i) => had.has(one.name) || controls(widgets[i - 1], one));
  return had.size && kept.length === values?.length ? kept : null;
}

app.registerExtension({
  name: "Athanor.Older",
  nodeCreated(node) {
    if (!node.comfyClass?.startsWith("Athanor")) return;
    const defaults = new Map((node.widgets ?? []).map((widget) => [widget, widget.value]));
    const configure = node.configure;
    node.configure = function (info) {
      const had = namesIn(info); // the page adds the inputs of today to it
      const result = configure.call(this, info);
      const widgets = (node.widgets ?? []).filter((widget) => widget.serialize !== false);
      const kept = savedWidgets(widgets, had, info.widgets_values);
      if (!kept || kept.every((widget, i) => widget === widgets[i])) return result;
      for (const widget of widgets) if (defaults.has(widget)) widget.value = defaults.get(widget);
      kept.forEach((widget, i) => {
        widget.value = info.widgets_values[i];
      });
      return result;
    };
  },
});
