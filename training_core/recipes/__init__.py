"""Recipes of other programs, read into settings, and settings written as recipes: commands, TOML, JSON, YAML, metadata, plain lines.

The way in: a `Document` (a file or a pasted text) has one of `forms.FORMS`. The form's reader gives `Contents`: an `Entry` for each thing
that the recipe says, by the names of its `Program`. The program's vocabulary has a rule for each name: `Same` (we have that setting),
`Translated` (it is said in another way here), `Meaningless` (and why). `translate.translate` follows the rules and gives a `Reading`: the
`Recipe`, which is settings by group and the model's files, and a `Line` for each entry, so that nothing is dropped silently. `read.read`
does all this, and `graph.graph` makes nodes and open questions of a recipe.

The way back: `from_prompt.read` makes a recipe of a graph, and `writers/` a text of a recipe. What the other program has no word for
stands in comment lines that are read back (`own_lines`).

Nothing here opens another file than the one that was handed in, and nothing is executed.
"""
