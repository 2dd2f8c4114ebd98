"""TEST-ONLY certificates of a KIM world: authorities, cards, TLS identities, trust and OCSP."""
