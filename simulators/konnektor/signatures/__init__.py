"""Making and verifying signatures, and the numbers of their jobs."""
