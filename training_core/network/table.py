"""What a network trains, in words."""

from __future__ import annotations

from ..byte_size import format_bytes
from .adapter import parameters_in_file
from .parts import Network


def summary(network: Network) -> str:
    """Return how many layers and parameters are trained, in words."""
    count = sum(p.numel() for lora in network.loras for p in lora.parameters())
    size = f"{count / 1e6:.2f} M" if count >= 1e6 else f"{count:,}"
    return f"{len(network.loras)} layers, {size} parameters"


def table(network: Network) -> str:
    """Return layers and parameters block by block, and the size of the file, as text."""
    rows: dict[str, list[int]] = {}
    for lora in network.loras:
        part = network.parts[lora.lora_name]
        block = ".".join(network.layers[lora.lora_name].split(".")[: 4 if part.text else 2])
        block = f"{part.prefix.removeprefix('lora_')} {block}" if part.text else block
        row = rows.setdefault(block, [0, 0])
        row[0] += 1
        row[1] += sum(p.numel() for p in lora.parameters())
    numbers = sum(parameters_in_file(lora) for lora in network.loras)
    lines = [f"{summary(network)}, a file of about {format_bytes(numbers * 2)} as fp16", ""]
    width = max(map(len, rows))
    lines += [f"{'block':<{width}}  layers  parameters"]
    lines += [f"{block:<{width}}  {layers:>6}  {count:>10,}" for block, (layers, count) in rows.items()]
    return "\n".join(lines)
