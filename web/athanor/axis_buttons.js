// What the axis nodes have below their settings: buttons and examples, and the values as they were read last.

import { app } from "../../../scripts/app.js";
import { examplesOf } from "./axis_examples.js";
import { openLists } from "./axis_lists.js";
import { fillAll } from "./axis_names.js";
import { make, style } from "./dom.js";
import { addBox, extend } from "./extend.js";
import { AXES } from "./grid_nodes.js";
import { fitContent } from "./node_height.js";
import { t } from "./words.js";

const AXIS = "AthanorXYZAxis";
const OF_RUN = "AthanorLoRARunAxis";
const [BUTTONS, LINES, MARGIN] = [30, 34, 4]; // pixels: of the buttons, of two lines of text, around both
style("./athanor.css");

function buttonsOf(node) {
  const button = (text, title, onclick) => make("button", { type: "button", title, onclick }, text);
  const lists = t("Values that you have saved under a name, and these as another one");
  const all = t("Every name that this type can have, such as all samplers or all LoRAs");
  return make(
    "div",
    { class: "athanor-buttons" },
    button(t("Lists…"), lists, () => openLists(node)),
    button(t("All values"), all, () => fillAll(node)),
    examplesOf(node),
  );
}

function addBelow(node) {
  const ofRun = () => make("div", { class: "athanor-buttons" }, examplesOf(node));
  const buttons = { [AXIS]: () => buttonsOf(node), [OF_RUN]: ofRun }[node.comfyClass]?.() ?? "";
  const echo = make("p", { class: "echo", role: "status", hidden: true });
  const element = make("div", { class: "athanor athanor-axis" }, buttons, echo);
  const height = () => (buttons ? BUTTONS : 0) + (echo.hidden ? 0 : LINES) + 2 * MARGIN;
  const say = (text) => {
    if (echo.textContent === text) return;
    echo.textContent = echo.title = text;
    echo.hidden = !text;
    fitContent(node);
  };
  addBox(node, "athanor_axis", "ATHANOR_AXIS", element, {
    margin: MARGIN,
    getMinHeight: height,
    getMaxHeight: height,
  });
  // The host shows what a node tells as text for nodes at the end of a graph alone.
  extend(node, "onExecuted", (output) => say(output?.text?.join("\n") ?? ""));
  for (const widget of node.widgets) extend(widget, "callback", () => say("")); // it is not read yet
}

app.registerExtension({
  name: "Athanor.AxisButtons",
  nodeCreated(node) {
    if (AXES.includes(node.comfyClass)) addBelow(node);
  },
  loadedGraphNode(node) {
    if (AXES.includes(node.comfyClass)) fitContent(node);
  },
});
