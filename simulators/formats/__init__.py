"""Pure functions on wire formats: bytes in, values out, no sockets, no files, no state."""
