"""Nouns: immutable values without behaviour beyond checking themselves. Imports attrs, msgspec and value modules."""
