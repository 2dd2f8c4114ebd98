"""Encrypting and decrypting documents."""
