// Requests to the pack's own addresses.

import { api } from "../../../scripts/api.js";
import { told } from "./sentences.js";
import { t } from "./words.js";

/** The address of a path below /athanor, for images and links. */
export function addressOf(path) {
  return api.apiURL(`/athanor${path}`);
}

async function answer(path, options) {
  const response = await api.fetchApi(`/athanor${path}`, options);
  if (response.ok) return response.json();
  const sentence = sentenceOf(await response.text());
  throw Object.assign(new Error(told(sentence) || String(response.status)), { status: response.status });
}

/** What is wrong, in the server's words: of {"error": sentence}, or the text as it is (from a proxy in between). */
function sentenceOf(text) {
  try {
    return JSON.parse(text).error ?? text;
  } catch {
    return text;
  }
}

/** Read JSON. Throws an Error with the server's sentence, in the page's language, and its `status`. */
export function get(path) {
  return answer(path);
}

/** Send `body` as JSON and read the JSON that comes back. Throws as `get` does. */
export function post(path, body = {}) {
  const headers = { "Content-Type": "application/json" };
  return answer(path, { method: "POST", headers, body: JSON.stringify(body) });
}

/**
 * Send a file as the body, and read the JSON that comes back. Throws as `get` does; where the connection fails, with a
 * sentence of ours; where `signal` ended it, with the browser's AbortError.
 */
export async function sendFile(path, file, signal) {
  const headers = { "Content-Type": "application/octet-stream" };
  try {
    return await answer(path, { method: "POST", headers, body: file, signal });
  } catch (error) {
    if (["AbortError", "NotReadableError"].includes(error.name)) throw error;
    if (error.status === undefined) throw new Error(t("The connection to ComfyUI was lost."));
    if (error.status === 413 && error.message.includes("<")) {
      throw new Error(t("It is larger than what a proxy in front of ComfyUI takes."));
    }
    throw error;
  }
}
