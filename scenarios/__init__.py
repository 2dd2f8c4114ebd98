"""Worlds and scenarios, and the engine that runs and judges them."""
