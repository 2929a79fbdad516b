"""LoRA files made of other LoRA files: merged, averaged, resized, extracted, scaled, renamed."""
