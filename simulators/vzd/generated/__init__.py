"""Invented entries: as many as a directory of Germany has, plausible, nobody real among them."""
