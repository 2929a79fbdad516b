// What examples.py does in the page: place nodes, show the whole workflow, take the values of a small run.
(() => {
  const { app } = window.comfyAPI.app;
  const GAP = 36,
    TITLE = 30,
    HEAD = 50,
    PAD = 20,
    ROW = 120;

  // How much higher the page's other renderer draws a node: its rows are higher, but it hides advanced widgets.
  function reserve(node) {
    const widgets = node.widgets ?? [];
    const hidden = node.showAdvanced ? 0 : widgets.filter((w) => w.advanced || w.options?.advanced).length;
    return Math.max(0, 20 + 10 * (widgets.length - hidden) - 24 * hidden);
  }

  // Rows of groups, groups of columns, columns of nodes; each node as high as its widgets need.
  function arrange({ rows, sizes }) {
    const { graph } = app;
    let top = 0;
    for (const row of rows) {
      let left = 0,
        bottom = top;
      for (const { title, columns } of row) {
        let x = left + PAD,
          low = top;
        for (const column of columns.filter((ids) => ids.length)) {
          let y = top + HEAD,
            width = 0;
          for (const id of column) {
            const node = graph.getNodeById(id),
              needed = node.computeSize(),
              [w, h] = sizes[id];
            node.setSize([Math.max(w, Math.min(needed[0], 460)), Math.max(h, needed[1])]);
            node.pos = [x, y + TITLE];
            y += TITLE + node.size[1] + Math.max(0, reserve(node) - (node.size[1] - needed[1])) + GAP;
            width = Math.max(width, node.size[0]);
          }
          low = Math.max(low, y - GAP + PAD);
          x += width + GAP;
        }
        const group = new window.LiteGraph.LGraphGroup(title);
        group.pos = [left, top];
        group.size = [x - GAP + PAD - left, low - top];
        group.color = "#7ba3bb";
        graph.add(group);
        left = x - GAP + PAD + GAP;
        bottom = Math.max(bottom, low);
      }
      top = bottom + ROW;
    }
    fit();
  }

  // The whole workflow in the middle of the window.
  function fit() {
    const { ds, canvas } = app.canvas,
      boxes = [...app.graph.groups];
    const x0 = Math.min(...boxes.map((b) => b.pos[0])),
      y0 = Math.min(...boxes.map((b) => b.pos[1]));
    const x1 = Math.max(...boxes.map((b) => b.pos[0] + b.size[0])),
      y1 = Math.max(...boxes.map((b) => b.pos[1] + b.size[1]));
    const { width, height } = canvas.getBoundingClientRect();
    ds.scale = Math.min((width - 40) / (x1 - x0), (height - 40) / (y1 - y0));
    ds.offset = [(width / ds.scale - x0 - x1) / 2, (height / ds.scale - y0 - y1) / 2];
    app.canvas.setDirty(true, true);
    return [x1 - x0, y1 - y0];
  }

  // {node id: {widget: value}}; returns what was there before.
  function values(changes) {
    const before = {};
    for (const [id, wanted] of Object.entries(changes)) {
      before[id] = {};
      for (const widget of app.graph.getNodeById(Number(id)).widgets) {
        if (!(widget.name in wanted)) continue;
        before[id][widget.name] = widget.value;
        widget.value = wanted[widget.name];
      }
    }
    return before;
  }

  function modes(ids, mode) {
    for (const id of ids) app.graph.getNodeById(id).mode = mode;
  }

  // What one node gives goes out of another one's output instead.
  function stand(from, out, instead, slot) {
    const [node, other] = [from, instead].map((id) => app.graph.getNodeById(id));
    for (const id of [...(node.outputs[out].links ?? [])]) {
      const link = app.graph.links.get(id);
      other.connect(slot, app.graph.getNodeById(link.target_id), link.target_slot);
    }
  }

  window.athanorExamples = { stand, arrange, fit, values, modes };
})();
