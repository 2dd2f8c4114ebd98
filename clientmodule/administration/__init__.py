"""The administration module (3.7): accounts at the provider, their keys, and how to use them."""
