"""A scenario: its format, and what its steps leave behind."""
