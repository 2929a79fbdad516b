// What examples.py does in the page: place the nodes of a workflow.
(() => {
  const { app } = window.comfyAPI.app;
  const GAP = 24,
    TITLE = 30,
    HEAD = 40,
    PAD = 12,
    ROW = 60;

  // How much higher the page's other renderer draws a node: its rows are higher.
  const reserve = (node) => 8 * (node.widgets ?? []).filter((w) => !w.hidden && !w.advanced && w.type !== "customtext").length;

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
            y += TITLE + Math.max(node.size[1], needed[1] + reserve(node)) + GAP;
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
  }

  // Width and height of the whole workflow.
  function extent() {
    const boxes = [...app.graph.groups];
    const side = (i) => Math.max(...boxes.map((b) => b.pos[i] + b.size[i])) - Math.min(...boxes.map((b) => b.pos[i]));
    return [side(0), side(1)];
  }

  window.athanorExamples = { arrange, extent };
})();
