// The buttons of XYZ Axis below its values.

import { app } from "../../../scripts/app.js";
import { openLists } from "./axis_lists.js";
import { fillAll } from "./axis_names.js";
import { make, style } from "./dom.js";
import { addBox } from "./extend.js";
import { fitContent } from "./node_height.js";
import { t } from "./words.js";

const KIND = "AthanorXYZAxis";
const HEIGHT = 34;
style("./athanor.css");

app.registerExtension({
  name: "Athanor.AxisButtons",
  nodeCreated(node) {
    if (node.comfyClass !== KIND) return;
    const button = (text, title, onclick) => make("button", { type: "button", title, onclick }, text);
    const row = make(
      "div",
      { class: "athanor athanor-buttons athanor-axis-buttons" },
      button(t("Lists…"), t("Values that you have saved under a name, and these as another one"), () =>
        openLists(node),
      ),
      button(t("All values"), t("Every name that this type can have, such as all samplers or all LoRAs"), () =>
        fillAll(node),
      ),
    );
    addBox(node, "athanor_axis", "ATHANOR_AXIS", row, {
      margin: 4,
      getMinHeight: () => HEIGHT,
      getMaxHeight: () => HEIGHT,
    });
  },
  loadedGraphNode(node) {
    if (node.comfyClass === KIND) fitContent(node);
  },
});
