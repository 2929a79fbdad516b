"""ComfyUI's own module `nodes` (the pack has a folder of that name): nobody else imports it."""

import nodes as host_nodes

__all__ = ["host_nodes"]
