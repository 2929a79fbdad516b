// How high a node has to be.

/**
 * Make a node as high as what is in it, and then at least `width` pixels wide: one from before a widget of ours, or
 * made by hand, leaves no room for it.
 */
export function makeRoom(node, width = 0) {
  const least = node.computeSize()[1];
  if (node.size[1] < least) node.setSize([Math.max(node.size[0], width), least]);
}
