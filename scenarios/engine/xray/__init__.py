"""The X-ray of a mail: what each of its layers says, as a tree of plain text."""
