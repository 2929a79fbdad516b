"""The trained network: built on LyCORIS, saved under kohya's names."""
