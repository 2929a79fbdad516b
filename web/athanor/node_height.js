// How high nodes are: as high as what is in them, and then those below are pushed down, so that none covers another.

const TITLE = 40; // pixels above a node's place: its title, and some air

/** The height of a node below its title; a Vue node may be higher than the graph knows. */
export function heightOf(node) {
  const height = node.size[1];
  if (!window.LiteGraph.vueNodesMode) return height;
  const element = document.querySelector(`[data-node-id="${node.id}"]`);
  return Math.max(height, (element?.offsetHeight ?? 0) - window.LiteGraph.NODE_TITLE_HEIGHT);
}

/**
 * Make a node as high as what is in it, and then at least `width` pixels wide: one from before a widget of ours, or
 * made by hand, leaves no room for it.
 */
export function fitContent(node, width = 0) {
  const least = node.computeSize()[1];
  if (node.size[1] < least) node.setSize([Math.max(node.size[0], width), least]);
}

const boxOf = (node) => ({ x: node.pos[0], y: node.pos[1], width: node.size[0], height: heightOf(node) });

/** Where all nodes of a graph are, for `makeRoom` once they have changed. */
export const placesBefore = (graph) => new Map(graph.nodes.map((node) => [node, boxOf(node)]));

/** Move nodes down that lay below one that is higher now, and would be covered by it. */
export function makeRoom(before) {
  const byHeight = [...before.keys()].sort((one, other) => before.get(one).y - before.get(other).y);
  for (const upper of byHeight) {
    const was = before.get(upper);
    const bottom = upper.pos[1] + heightOf(upper);
    if (bottom <= was.y + was.height) continue;
    for (const lower of byHeight) {
      const place = before.get(lower);
      const isBelow = place.y >= was.y + was.height;
      const isBeside = place.x >= was.x + Math.max(was.width, upper.size[0]) || place.x + lower.size[0] <= was.x;
      if (isBelow && !isBeside && lower.pos[1] < bottom + TITLE) lower.pos = [lower.pos[0], bottom + TITLE];
    }
  }
}
