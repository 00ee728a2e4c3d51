"""Decisions: pure functions from values to plans."""
