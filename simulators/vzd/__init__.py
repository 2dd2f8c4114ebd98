"""The directory (VZD): entries of all participants, found over LDAPS."""
