// A LoRA file that the server makes: followed to its end, also where the dialog that asked for it is closed by then.

import { get } from "./http.js";
import { told } from "./sentences.js";
import { showBriefly, showError } from "./toast.js";
import { t } from "./words.js";

const LOOK = 400; // ms between two looks at how far it is
const SECONDS = 12; // that the message of a saved file stays

/** What is being made now, as the server tells it; null for nothing. */
export async function underWay() {
  const work = await get("/making").catch(() => ({}));
  return work.state === "making" ? work : null;
}

/** Look at a file that is made until it has ended, and return how; `moved(work)` is called after each look. */
export async function follow(work, moved) {
  let state = work;
  while (state.state === "making") {
    moved(state);
    await new Promise((resolve) => setTimeout(resolve, LOOK));
    state = await look(state);
  }
  return state;
}

/** A server that does not answer is asked again; one that was started anew knows nothing of the file. */
async function look(state) {
  try {
    return await get(`/making?id=${state.id}`);
  } catch (error) {
    if (!error.status) return state;
    return { ...state, state: "failed", error: t("ComfyUI was restarted meanwhile: look whether the file is there.") };
  }
}

/**
 * Say at the edge of the page how it ended, and by `tell(text)` where the user is: a dialog that is still open covers
 * the edge.
 */
export function tellEnd({ state, name, made, error }, tell) {
  if (state === "done") {
    const text = t("{file} is saved: it is in the list of Load LoRA now.", { file: made.file });
    showBriefly(text, { severity: "success", seconds: SECONDS });
    return tell(text);
  }
  if (state === "stopped") showBriefly(`${name}: ${told(error)}`);
  else showError(t("{name} was not saved", { name }), told(error));
  tell(`${name}: ${told(error)}`);
}
