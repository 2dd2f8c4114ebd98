"""YAML that people write: worlds and scenarios, read with line numbers."""
