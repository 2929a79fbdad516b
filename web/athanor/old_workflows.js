// Workflows that were saved when a node lacked widgets which stand between others today, or had more behind them: the
// page gives values back by position.

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

const savedIn = (node) => (node.widgets ?? []).filter((widget) => widget.serialize !== false);

/**
 * Leave out values of widgets that a newer version has behind today's. Frontend 1.58 takes them for places of widgets
 * that are not saved, such as the line below `folder`, and moves the others.
 */
function leaveOut(info, node) {
  const count = savedIn(node).length;
  if (info.widgets_values?.length > count) info.widgets_values = info.widgets_values.slice(0, count);
}

app.registerExtension({
  name: "Athanor.Older",
  nodeCreated(node) {
    if (!node.comfyClass?.startsWith("Athanor")) return;
    const defaults = new Map((node.widgets ?? []).map((widget) => [widget, widget.value]));
    const configure = node.configure;
    node.configure = function (info) {
      const had = namesIn(info); // the page adds the inputs of today to it
      leaveOut(info, node);
      const result = configure.call(this, info);
      const widgets = savedIn(node);
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
