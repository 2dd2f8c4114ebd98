"""Measurements of the whole chain beside the bare cryptography: ``make bench``. Not tests."""
