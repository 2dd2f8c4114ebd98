"""Worlds and practices for the tests of other people: a PVS is tested, kimulator is around it."""
