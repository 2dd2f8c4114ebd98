"""Certificates: path, status, what the Konnektor trusts."""
