// A file that LoRA Edit or LoRA Extract has made stands in the lists of LoRAs at once, without a key R.

import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";
import { nodeOf } from "./execution_ids.js";
import { offerFiles } from "./node.js";

const KINDS = ["AthanorLoRAEdit", "AthanorLoRAExtract"];
const offered = new Set(); // names; a result that the host has kept is told again with each job

api.addEventListener("executed", ({ detail }) => {
  const names = detail?.output?.lora ?? [];
  if (!names.some((name) => !offered.has(name)) || !KINDS.includes(nodeOf(detail.node)?.comfyClass)) return;
  for (const name of names) offered.add(name);
  offerFiles();
});

const WIDTH = 400; // pixels, in which names of checkpoints and what the node tells of its file can be read

app.registerExtension({
  name: "Athanor.MadeLoras",
  nodeCreated(node) {
    if (KINDS.includes(node.comfyClass)) node.setSize([Math.max(node.size[0], WIDTH), node.size[1]]);
  },
});
