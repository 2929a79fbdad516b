// Recipes of other programs as the server reads them: files and texts, and which of them the host takes itself.

import { formatBytes } from "./format.js";
import { t } from "./words.js";

/** What the field for files offers. */
export const ENDINGS = [".toml", ".yaml", ".yml", ".json", ".txt", ".sh", ".bat", ".ps1", ".safetensors"];
const OURS = [".toml", ".yaml", ".yml", ".sh", ".bat", ".ps1"]; // the host opens none of them
const LARGEST = 4_000_000; // bytes, as the server takes them
const LENGTH = 8; // bytes before the header of a safetensors file: how long it is

const endingOf = ({ name }) => name.toLowerCase().match(/\.\w+$/)?.[0] ?? "";

/** Whether a file may be a recipe, by its name. */
export const mayBeRecipe = (file) => ENDINGS.includes(endingOf(file));

// Names that settings of training have in files and commands, and nothing else has.
const NAMES = [
  ...["ss_network_module", "ss_network_dim", "network_module", "network_dim", "network_alpha", "network_args"],
  ...["pretrained_model_name_or_path", "train_data_dir", "dataset_config", "unet_lr", "text_encoder_lr"],
  ...["max_train_steps", "max_train_epochs", "LoRA_type", "lora_rank", "training_method"],
].join("|");
const TABLES = "datasets|datasets\\.subsets|directory|adapter|(model|network|optimizer|training|dataset)_arguments";
// One of these is enough. None looks over ends of lines: what takes blanks of many lines takes minutes for empty ones.
const SIGNS = [
  /\baccelerate(\.exe)?["']?\s+launch\b/,
  /train\w{0,100}\.py\b/,
  new RegExp(`--(${NAMES})\\b`),
  new RegExp(`\\b(${NAMES})["']?\\s*[:=]`),
  new RegExp(`^[ \\t]*\\[\\[?(${TABLES})\\]\\]?[ \\t]*\\r?$`, "m"),
  /^[ \t]*(-[ \t]*)?["']?type["']?:[ \t]*["']?(sd|ui|diffusion)_trainer\b/m,
];
// Lines of a post, "Network dim: 32"; three of them, as what tells of a picture has a model and a rank, too.
const WORDS = [
  ...["dim(ension)?s?", "rank", "alpha", "repeats", "epochs?", "resolution", "lr", "lr[ _-]?scheduler"],
  ...["(learning|unet|text[ _-]?encoder|te)[ _-]*(lr|rate)", "optimi[sz]er([ _-]type)?", "batch([ _-]size)?"],
  ...["train(ing)?[ _-]steps", "min[ _-]snr([ _-]gamma)?", "noise[ _-]offset", "clip[ _-]skip"],
].join("|");
const BEFORE = "(number[ _-]of|num|max|train|network|conv|lora)";
const LINE = new RegExp(`^[ \\t>*|•"'-]*(${BEFORE}[ _-]*)*(${WORDS})["'* \\t]*[:=|]`, "gim");
const ENOUGH = 3;

/** Whether a text is a recipe by what stands in it. */
export function looksLikeRecipe(text) {
  if (SIGNS.some((sign) => sign.test(text))) return true;
  const words = [...text.matchAll(LINE)].map(([word]) => word.toLowerCase().replace(/[^a-z]/g, ""));
  return new Set(words).size >= ENOUGH;
}

/** Whether a JSON text is what the host opens: a workflow, one as it is queued, or templates. */
export function isHosts(text) {
  let value;
  try {
    value = JSON.parse(text.slice(Math.max(0, text.indexOf("{"))));
  } catch {
    return false;
  }
  if (!value || typeof value !== "object") return false;
  const isQueued = Object.values(value).every((node) => node?.class_type);
  return isQueued || Array.isArray(value.templates) || Array.isArray(value.nodes);
}

/** The length of a safetensors file's header with what stands before it, and the header; null if it is none. */
async function headerOf(file) {
  const start = await file.slice(0, LENGTH).arrayBuffer();
  if (start.byteLength < LENGTH) return null;
  const length = Number(new DataView(start).getBigUint64(0, true));
  if (length < 2 || length > Math.min(file.size - LENGTH, LARGEST)) return null;
  return { length: LENGTH + length, text: await file.slice(LENGTH, LENGTH + length).text() };
}

/** Whether a LoRA file tells how it was trained, and brings no workflow, which the host would open. */
async function tellsItsTraining(file) {
  try {
    const { __metadata__: held = {} } = JSON.parse((await headerOf(file))?.text ?? "{}");
    const names = Object.keys(held);
    return !held.workflow && !held.prompt && names.some((name) => /^(ss|athanor)_/.test(name));
  } catch {
    return false;
  }
}

/** Whether a file that was dropped on the page is a recipe rather than something of the host's. */
export async function isRecipe(file) {
  const ending = endingOf(file);
  if (OURS.includes(ending)) return true;
  if (ending === ".safetensors") return tellsItsTraining(file);
  if (!ENDINGS.includes(ending) || file.size > LARGEST) return false;
  const text = await file.text();
  return !(ending === ".json" && isHosts(text)) && looksLikeRecipe(text);
}

/** The bytes of a Blob as base64. */
async function asBase64(blob) {
  const address = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(blob);
  });
  return address.slice(address.indexOf(",") + 1);
}

/**
 * A file as the server reads it: {name, text}, or {name, base64} of what is no text in UTF-8. Of a LoRA file that is
 * its header alone. Throws an Error with a sentence.
 */
export async function packed(file) {
  const { name } = file;
  if (endingOf(file) === ".safetensors") {
    const header = await headerOf(file);
    if (!header) throw new Error(t("{name} cannot be read: it is no safetensors file.", { name }));
    return { name, base64: await asBase64(file.slice(0, header.length)) };
  }
  if (file.size > LARGEST) {
    const size = formatBytes(file.size);
    throw new Error(t("{name} has {size}: that is too large for a recipe.", { name, size }));
  }
  try {
    return { name, text: new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer()) };
  } catch (error) {
    if (error.name !== "TypeError") throw new Error(t("{name} cannot be read.", { name }));
    return { name, base64: await asBase64(file) }; // in another encoding, which the server knows
  }
}
