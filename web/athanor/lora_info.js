// What LoRA Info has read, on the node: its text, and below it the chart.

import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";
import { make, style } from "./dom.js";
import { extend } from "./extend.js";
import { keepPictures } from "./own_pictures.js";
import { t } from "./words.js";

style("./athanor.css");

const KIND = "AthanorLoRAInfo";
const [LEAST, MOST, CHART] = [60, 300, 320]; // pixels: of the text, of the chart at most
const [LINE, EDGES, LETTER] = [16, 14, 6.7]; // pixels: of a line, around the text, of a letter
const [WIDTH, MARGIN] = [420, 10]; // pixels: of the node at least, for lines that can be read; around the widget

/** How high the text is, within bounds: it scrolls. */
function heightOf(text, width) {
  const letters = Math.max(20, (width - 2 * MARGIN - 20) / LETTER);
  const lines = text.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / letters)), 0);
  return Math.min(MOST, Math.max(LEAST, lines * LINE + EDGES));
}

/** Text and chart of a node as one widget, which is made when there is something to show. */
class Shown {
  constructor(node) {
    this.node = node;
    this.height = LEAST;
    const label = t("What the file holds");
    this.text = make("pre", { class: "athanor-info", tabindex: 0, role: "region", "aria-label": label });
    this.chart = make("img", { hidden: true, alt: t("How much each block changes"), onload: () => this.fit() });
    const frame = make("div", { class: "athanor-info-chart" }, this.chart);
    this.element = make("div", { class: "athanor athanor-info-place" }, this.text, frame);
    const widget = node.addDOMWidget("athanor_info", "ATHANOR_INFO", this.element, {
      serialize: false,
      hideOnZoom: false,
      margin: MARGIN,
      getMinHeight: () => this.height,
      getMaxHeight: () => this.height,
      getValue: () => "",
      setValue: () => {},
    });
    widget.serialize = false; // see node.js
    extend(node, "onResize", () => this.measure());
  }

  /** `picture`: {filename, subfolder, type} of the chart; nothing where there is none. */
  show(text, picture) {
    this.text.textContent = text;
    this.chart.hidden = !picture;
    if (picture) this.chart.src = api.apiURL(`/view?${new URLSearchParams(picture)}`);
    this.fit();
  }

  /** Find out how high text and chart are at the node's width; both scroll. */
  measure(width = this.node.size[0]) {
    const { chart } = this;
    const text = heightOf(this.text.textContent, width);
    const ratio = chart.hidden || !chart.naturalWidth ? 0 : chart.naturalHeight / chart.naturalWidth;
    const picture = ratio ? Math.min(CHART, Math.ceil((width - 2 * MARGIN) * ratio)) + 6 : 0;
    this.height = text + picture + 2 * MARGIN;
    this.text.style.height = `${text}px`;
    this.element.style.minHeight = `${text + picture}px`;
  }

  /** Make the node as high as what is in it. */
  fit() {
    const { node } = this;
    const width = Math.max(WIDTH, node.size[0]);
    this.measure(width);
    node.setSize([width, node.computeSize()[1]]);
    app.canvas?.setDirty(true, true);
  }
}

app.registerExtension({
  name: "Athanor.LoRAInfo",
  nodeCreated(node) {
    if (node.comfyClass !== KIND) return;
    let shown = null;
    extend(node, "onExecuted", (output) => {
      const text = output?.text?.[0];
      if (!text) return;
      const picture = output.images?.[0];
      keepPictures(node, output);
      shown ??= new Shown(node);
      shown.show(text, picture);
    });
  },
});
