"""A LoRA made ready to be shared: its copy with chosen metadata, pictures of it, and a description in Markdown."""
