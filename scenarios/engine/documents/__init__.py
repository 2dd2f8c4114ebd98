"""What practices and insurers exchange: eAU, Storno, error messages, eArztbrief."""
