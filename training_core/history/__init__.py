"""Runs and what they leave behind: events, the folder of a run, its handle, review and report. It needs no torch."""
