// What examples.py does in the page: place the nodes of a workflow.
(() => {
  const { app } = window.comfyAPI.app;
  const GAP = 18,
    TITLE = 30,
    ROOM = { AthanorDatasetLoader: 60, AthanorXYZAxis: 60, AthanorLoRARunAxis: 60 }, // for what they may be told
    HEAD = 40,
    PAD = 10;
  const WIDE = 1200; // pixels at least of the first row: what is seen first leaves nothing empty
  const SCREEN = [950, 610]; // of a small window what lies left of the page's map, and below its buttons

  const NOTES = ".comfy-markdown-content, .comfy-markdown .tiptap", // what shows the text in either renderer
    AIR = 24; // around it

  // Height that the text of the only note takes.
  function textHeight() {
    const text = document.querySelector(NOTES);
    const bottom = text.lastElementChild.getBoundingClientRect().bottom + text.scrollTop;
    return (bottom - text.getBoundingClientRect().top) / app.canvas.ds.scale + AIR;
  }

  // Height of each node as the page's other renderer draws it now, its title without.
  function tall() {
    const heights = {};
    for (const node of app.graph.nodes) {
      const shown = document.querySelector(`[data-node-id="${node.id}"]`);
      heights[node.id] = shown.getBoundingClientRect().height / app.canvas.ds.scale - TITLE;
      if (node.type === "MarkdownNote") heights[node.id] = textHeight();
    }
    return heights;
  }

  // Columns of nodes, each as high as its widgets need in either renderer: the group's size, and what places it.
  function measured({ title, columns }, sizes, tall) {
    const placed = [];
    let x = PAD,
      low = 0;
    for (const column of columns.filter((ids) => ids.length)) {
      let y = HEAD,
        width = 0;
      for (const id of column) {
        const node = app.graph.getNodeById(id),
          needed = node.computeSize(),
          [w, least] = sizes[id],
          h = node.type === "MarkdownNote" ? Math.max(textHeight(), tall[id]) : least;
        node.setSize([Math.max(w, Math.min(needed[0], 460)), Math.max(h, needed[1])]);
        placed.push([node, x, y + TITLE]);
        y += TITLE + Math.max(node.size[1], tall[id]) + (ROOM[node.type] ?? 0) + GAP;
        width = Math.max(width, node.size[0]);
      }
      low = Math.max(low, y - GAP + PAD);
      x += width + GAP;
    }
    const size = [x - GAP + PAD, low];
    const place = (left, top, high) => {
      for (const [node, x, y] of placed) node.pos = [left + x, top + y];
      const group = new window.LiteGraph.LGraphGroup(title);
      Object.assign(group, { pos: [left, top], size: [size[0], high], color: "#7ba3bb" });
      app.graph.add(group);
    };
    return { size, place };
  }

  // Every way to break a list into rows.
  function* breaks(groups) {
    for (let mask = 0; mask < 2 ** (groups.length - 1); mask++) {
      const rows = [[]];
      groups.forEach((group, i) => {
        if (i && (mask >> (i - 1)) & 1) rows.push([]);
        rows.at(-1).push(group);
      });
      yield rows;
    }
  }

  const width = (row) => row.reduce((sum, group) => sum + group.size[0] + GAP, -GAP);
  const height = (row) => Math.max(...row.map((group) => group.size[1]));
  const extent = (rows) => [Math.max(...rows.map(width)), rows.reduce((sum, row) => sum + height(row) + GAP, -GAP)];

  // Groups in rows, so that the whole is as large as can be on a screen; returns its width and height.
  function arrange({ groups, sizes }, tall) {
    const zoom = (rows) => Math.min(...extent(rows).map((side, i) => SCREEN[i] / side));
    const all = [...breaks(groups.map((group) => measured(group, sizes, tall)))];
    const filled = all.filter((rows) => width(rows[0]) >= Math.min(WIDE, width(rows.flat())));
    const rows = filled.reduce((best, other) => (zoom(other) > zoom(best) ? other : best));
    let top = 0;
    for (const row of rows) {
      let left = 0;
      for (const group of row) {
        group.place(left, top, height(row));
        left += group.size[0] + GAP;
      }
      top += height(row) + GAP;
    }
    return extent(rows);
  }

  window.athanorExamples = { arrange, tall };
})();
