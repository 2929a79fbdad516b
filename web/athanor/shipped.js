// Workflows as we ship them, which no page has saved since.

const VIEW = { scale: 0.6, offset: [60, 60] }; // in our files (tools/examples.py); whoever saves one has his own in it

/** Whether a graph is opened as we ship it. Others may write such a round view, but not with our nodes. */
export function isShipped({ extra, nodes }) {
  return JSON.stringify(extra?.ds) === JSON.stringify(VIEW) && nodes.some((node) => node.type?.startsWith("Athanor"));
}
