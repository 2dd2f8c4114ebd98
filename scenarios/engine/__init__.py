"""The engine: worlds, processes, actors, steps, checks, reports, the command line."""
