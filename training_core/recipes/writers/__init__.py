"""Recipes written down: as a command, a job, a graph, a table, a description."""
