// Elements of the page, and files that go out of it and come into it.

/**
 * Return a new element. Attributes named on... become listeners; value, checked and disabled are set as properties.
 * Children that are null or false are left out. Strings become text nodes, so nothing out of a file is read as HTML.
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

/** Give a Blob to the user as a file of this name. */
export function download(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Ask the user for files and call `use` with them; `attributes` are those of an <input type=file>. */
export function chooseFiles(attributes, use) {
  const field = make("input", { type: "file", ...attributes, onchange: () => use([...field.files]) });
  field.click();
}
