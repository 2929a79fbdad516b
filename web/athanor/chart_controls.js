// The controls of a chart: one row, and a menu for what is needed less often.

import { axes } from "./chart_axis.js";
import { savePicture, saveTable } from "./chart_export.js";
import { change, onOptions, options } from "./chart_options.js";
import { make } from "./dom.js";
import { t } from "./words.js";

const MARGIN = 4; // pixels between a menu and its button, and the window's edge

/**
 * Slider, switch and menu. `chart()`: the one in sight. `show()` of the element renews it, `release()` ends this.
 */
export function controls(chart) {
  const slider = make("input", {
    type: "range",
    min: 0,
    max: 100,
    value: options.smooth,
    "aria-label": t("Smoothing of the loss"),
    oninput: () => change({ smooth: Number(slider.value) }),
  });
  const log = check(t("log"), "log", t("Logarithmic loss axis"));
  const whole = make("button", { type: "button", hidden: true, onclick: () => chart().setView(null) }, t("whole run"));
  const menu = menuOf(chart);
  const show = () => {
    slider.value = options.smooth;
    log.show();
    menu.show();
    whole.hidden = !chart().view;
  };
  const release = onOptions(show);
  const element = make(
    "div",
    { class: "athanor-controls" },
    make("label", {}, t("smooth"), slider),
    log,
    whole,
    menu.button,
  );
  show();
  return Object.assign(element, { show, release: () => [release(), menu.element.remove()] });
}

function check(text, option, label = text) {
  const box = make("input", {
    type: "checkbox",
    "aria-label": label,
    onchange: () => change({ [option]: box.checked }),
  });
  const show = () => {
    box.checked = options[option];
  };
  return Object.assign(make("label", {}, box, text), { show });
}

function menuOf(chart) {
  const axis = make(
    "select",
    { "aria-label": t("What the x axis counts"), onchange: () => change({ axis: axis.value }) },
    ...axes().map(([value, text]) => make("option", { value }, text)),
  );
  const clip = check(t("clip outliers"), "clip");
  clip.title = t("Leave rare values far beyond the others out of the axis; triangles at the edge mark them");
  const act = (label, onclick) =>
    make("button", { type: "button", onclick: () => [element.hidePopover(), onclick()] }, label);
  const keys = t("Drag: zoom in. Shift-drag: move. Double click: whole run. After a click: wheel, + - ← → 0.");
  const element = make(
    "div",
    { class: "athanor athanor-chart-menu", popover: "auto", role: "dialog", "aria-label": t("Chart") },
    make("label", {}, t("x axis"), axis),
    clip,
    act(t("Save picture (PNG)"), () => savePicture(chart())),
    act(t("Save table (CSV)"), () => saveTable(chart())),
    make("p", { class: "athanor-note" }, keys),
  );
  const title = t("Axis, outliers, save as picture or table");
  const open = () => {
    if (!element.isConnected) document.body.append(element);
    element.togglePopover();
    place(element, button);
  };
  const button = make(
    "button",
    { type: "button", class: "athanor-more", title, "aria-label": title, onclick: open },
    "⋯",
  );
  const show = () => {
    axis.value = options.axis;
    clip.show();
  };
  return { element, button, show };
}

/** Put a menu below a button, or above it where there is no room. */
function place(menu, button) {
  const [box, { offsetWidth: width, offsetHeight: height }] = [button.getBoundingClientRect(), menu];
  const below = box.bottom + MARGIN;
  const top = below + height > innerHeight - MARGIN ? Math.max(MARGIN, box.top - MARGIN - height) : below;
  const left = Math.max(MARGIN, Math.min(box.right - width, innerWidth - width - MARGIN));
  Object.assign(menu.style, { left: `${left}px`, top: `${top}px` });
}
