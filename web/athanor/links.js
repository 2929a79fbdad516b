// What a node is connected to, by calls that both old and new pages have.

/** The place of the input `name` of a node, or of the input that stands for its widget `name`; -1: there is none. */
export const slotOf = (node, name) =>
  (node.inputs ?? []).findIndex((input) => (input.widget?.name ?? input.name) === name || input.name === name);

/** Whether an input, or a widget by its input, gets its value from a link. */
export function isLinked(node, name) {
  const slot = slotOf(node, name);
  return slot >= 0 && node.isInputConnected(slot);
}

/** The numbers of the links into a node, in the order of its inputs; null where there is none. */
export const linksInto = (node) =>
  (node.inputs ?? []).map((_, slot) => (node.graph && node.getInputLink(slot)?.id) ?? null);

/** The nodes that feed a node's inputs (`names`: those alone), each as often as it does. */
export function sourcesOf(node, names = null) {
  const slots = (node.inputs ?? []).flatMap((input, slot) => (!names || names.includes(input.name) ? [slot] : []));
  return slots.map((slot) => node.getInputNode(slot)).filter(Boolean);
}

/** The nodes that a node's outputs feed, each as often as they do. */
export function targetsOf(node) {
  return (node.outputs ?? []).flatMap((_, slot) => node.getOutputNodes(slot) ?? []);
}
