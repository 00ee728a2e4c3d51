"""Scenarios that use a client as a library; each runs in that client's environment, under its own Python.

They import nothing of b2pure, and of `interop` only what needs the standard library alone.
"""
