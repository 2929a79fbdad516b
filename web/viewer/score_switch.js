// Whether numbers stand under pictures: what the user has chosen in one comparison holds for all others.

import { OFF } from "./scores.js";

const NAME = "athanor-viewer-scores"; // of the browser's storage

/** Whether the user has switched scores off; never where the browser's storage is closed. */
export function isOff() {
  try {
    return localStorage.getItem(NAME) === OFF;
  } catch {
    return false;
  }
}

/** Keep whether they are off. */
export function remember(off) {
  try {
    if (off) localStorage.setItem(NAME, OFF);
    else localStorage.removeItem(NAME);
  } catch {
    // With closed storage it is forgotten.
  }
}
