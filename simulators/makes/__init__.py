"""Makes of Konnektoren: what real ones do differently within the rules, as data."""
