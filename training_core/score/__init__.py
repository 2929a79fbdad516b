"""How alike pictures are: to training pictures, to held-out ones, to their prompt and to each other."""
