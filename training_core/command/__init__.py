"""The command line: in which forms it takes a graph, what is changed in it, and what it prints."""
