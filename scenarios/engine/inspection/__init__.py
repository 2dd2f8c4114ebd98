"""``kimulator inspect``: the X-ray of a mail in a file, on the screen or as JSON."""
