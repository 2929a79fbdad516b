// The tags in the text of a caption: what is not touched stays as it is, letter for letter.

const same = (tag) => tag.trim().toLowerCase().replaceAll("_", " ");

/** All tags of a text as {line, at, tag}: the number of the line, and of the piece between separators. */
export function tagsOf(text, separator) {
  if (!separator) return [];
  const pieces = text.split("\n").map((line) => line.split(separator));
  return pieces.flatMap((row, line) => row.map((tag, at) => ({ line, at, tag: tag.trim() }))).filter(({ tag }) => tag);
}

/** The text without one of its tags; a line of which nothing is left goes, too. */
export function withoutTag(text, separator, { line, at }) {
  const lines = text.split("\n");
  const pieces = lines[line].split(separator);
  pieces.splice(at, 1);
  lines[line] = at ? pieces.join(separator) : pieces.join(separator).trimStart();
  return lines.filter((left, index) => index !== line || left.trim()).join("\n");
}

/** The text with one of its tags at the place of the next one (`by` = 1) or the one before it (-1). */
export function withMoved(text, separator, { line, at }, by) {
  const lines = text.split("\n");
  const pieces = lines[line].split(separator);
  let to = at + by;
  while (pieces[to] != null && !pieces[to].trim()) to += by;
  if (pieces[to] == null) return text;
  const [from, other] = [pieces[at].trim(), pieces[to].trim()];
  pieces[at] = pieces[at].replace(from, () => other);
  pieces[to] = pieces[to].replace(other, () => from);
  lines[line] = pieces.join(separator);
  return lines.join("\n");
}

/** The text with tags (a list, with separators) at the end of each line that does not have them. */
export function withAdded(text, separator, tags) {
  const coming = tags.split(separator).filter((tag) => tag.trim());
  const glue = separator.endsWith(" ") ? separator : `${separator} `;
  const add = (line) => {
    const there = new Set(line.split(separator).map(same));
    const missing = coming.filter((tag) => !there.has(same(tag))).map((tag) => tag.trim());
    const end = line.trimEnd();
    if (!missing.length) return line;
    if (!end) return missing.join(glue);
    const isOpen = end.endsWith(separator.trim() || separator);
    return end + (isOpen ? " " : glue) + missing.join(glue);
  };
  if (!text.trim()) return add("");
  return text
    .split("\n")
    .map((line) => (line.trim() ? add(line) : line))
    .join("\n");
}
