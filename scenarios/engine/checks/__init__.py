"""What a scenario judges: one function per rule."""
