"""The simulated roles of the KIM world: Konnektor, directory, mail provider, test PKI."""
