// Adding to what the host's nodes and widgets do.

/** Call `extra` with the same values after a method of `target`; the method may be missing. */
export function extend(target, method, extra) {
  const original = target[method];
  target[method] = function (...values) {
    const result = original?.apply(this, values);
    extra(...values);
    return result;
  };
}

/** Options that keep a widget out of the queued graph; its own `serialize` keeps it out of the workflow file. */
const UNSAVED = { serialize: false };

let boxes = 0;

/**
 * Put an element into a node as a widget that holds no value. Its name is `name` with a number behind it: Vue nodes go
 * on showing the element of a node that was removed in that of a new one of its id, as after undo, if their widgets
 * have one name. `kind`: a type that the host does not know itself.
 */
export function addBox(node, name, kind, element, options) {
  const noValue = { getValue: () => "", setValue: () => {} };
  boxes += 1;
  const own = { hideOnZoom: false, ...UNSAVED, ...noValue, ...options };
  const widget = node.addDOMWidget(`${name}_${boxes}`, kind, element, own);
  widget.serialize = false;
  return widget;
}

/** Add a button to a node. `name`: of the widget; `label`: what it says; `tooltip`: what it does. */
export function addButton(node, name, { label, tooltip, onclick, ...options }) {
  const widget = node.addWidget("button", name, null, onclick, { ...UNSAVED, ...options });
  Object.assign(widget, { label, tooltip, serialize: false });
  return widget;
}

/** Give a widget that is not saved the place below the widget `name` of its node. */
export function placeBelow(node, widget, name) {
  node.widgets.splice(node.widgets.indexOf(widget), 1);
  node.widgets.splice(node.widgets.findIndex((one) => one.name === name) + 1, 0, widget);
  // Frontend 1.47 leaves a hole in the saved list for it, and reads the list without one: values would move by one.
  extend(node, "onSerialize", (data) => {
    const values = data.widgets_values;
    const saved = node.widgets.filter((one) => one.serialize !== false).length;
    if (Array.isArray(values) && values.length > saved) {
      data.widgets_values = values.filter((_, index) => node.widgets[index]?.serialize !== false);
    }
  });
}

/** A node's widget by its name; undefined if it has none of that name. */
export const widgetOf = (node, name) => node.widgets?.find((widget) => widget.name === name);

/**
 * Set a widget of a node as if it was typed: the host takes back what it found wrong with the old value. `always`: also
 * where it has the value, as that of a new node may be what the host remembers of an older one with the same id.
 */
export function setWidget(node, name, value, always = false) {
  const widget = widgetOf(node, name);
  if (!widget || (widget.value === value && !always)) return;
  const before = widget.value;
  widget.value = value;
  widget.callback?.(value);
  node.onWidgetChanged?.(name, value, before, widget);
  node.setDirtyCanvas?.(true, true);
}
