// Requests to the pack's own addresses.

import { api } from "../../../scripts/api.js";

/** The address of a path below /athanor, for images and links. */
export function addressOf(path) {
  return api.apiURL(`/athanor${path}`);
}

async function answer(path, options) {
  const response = await api.fetchApi(`/athanor${path}`, options);
  if (response.ok) return response.json();
  const sentence = sentenceOf(await response.text());
  throw Object.assign(new Error(sentence || String(response.status)), { status: response.status });
}

/** What is wrong, in the server's words: of {"error": sentence}, or the text as it is (from a proxy in between). */
function sentenceOf(text) {
  try {
    return JSON.parse(text).error ?? text;
  } catch {
    return text;
  }
}

/** Read JSON. Throws an Error with the server's sentence and its `status`. */
export function get(path) {
  return answer(path);
}

/** Send `body` as JSON and read the JSON that comes back. Throws as `get` does. */
export function post(path, body = {}) {
  const headers = { "Content-Type": "application/json" };
  return answer(path, { method: "POST", headers, body: JSON.stringify(body) });
}
