"""A world: its file, and everything that follows from it before a process is started."""
