"""Lists of training settings -> runs, one for each combination; which of them is the best, and which are ended early."""
