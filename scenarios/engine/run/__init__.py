"""Running scenarios: their files and references, the session, the command's arguments."""
