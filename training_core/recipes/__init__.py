"""Recipes of other programs, read into settings, and settings written as recipes: commands, TOML, JSON, YAML, metadata, plain lines.

`read.read` turns a file or a pasted text into a `Recipe`, `graph.graph` a recipe into nodes, `from_prompt` a graph back into a recipe,
and `writers/` a recipe into a text. Nothing here opens another file than the one that was handed in, and nothing is executed.
"""
