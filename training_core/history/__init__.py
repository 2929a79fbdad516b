"""What a run leaves behind and what is told of it afterwards: events, its folder, charts and reports (no torch)."""
