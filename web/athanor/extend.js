// Adding to what the host's nodes and widgets do.

/** Call `extra` with the same values after a method of `target`; the method may be missing. */
export function extend(target, method, extra) {
  const original = target[method];
  target[method] = function (...values) {
    const result = original?.apply(this, values);
    extra(...values);
    return result;
  };
}
