"""ComfyUI's own module `nodes` (the pack has a folder of that name): nobody else imports it."""

from typing import Any

import nodes

host_nodes: Any = nodes
"""Any: a type checker takes the name for the pack's folder."""
