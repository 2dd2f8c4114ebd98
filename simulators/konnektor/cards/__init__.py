"""Cards, their PINs and their keys."""
