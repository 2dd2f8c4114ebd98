"""DNS service discovery of the TI: an authoritative server for the names of a world."""
