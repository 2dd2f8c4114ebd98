"""What a scenario can do."""
