"""Dataset Doctor: check a dataset for mistakes before it is trained on, and report them."""
