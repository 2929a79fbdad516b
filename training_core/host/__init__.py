"""The door to ComfyUI: nothing outside this folder (and the nodes' schema API) imports it."""
