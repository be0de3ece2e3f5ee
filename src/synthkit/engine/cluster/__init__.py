"""Runs on more than one process: a driver, and lanes that do its record steps, on this machine or others."""
