"""Charts, as pictures and as SVG: they are given plain numbers and know nothing of what these mean."""
