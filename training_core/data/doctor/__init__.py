"""Dataset Doctor: what is wrong with a dataset, said before it is trained on."""
