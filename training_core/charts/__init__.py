"""Charts: lines as pictures and as SVG."""
