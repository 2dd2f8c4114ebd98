"""The Konnektor: SOAP services, cards and their PINs, access check, signatures, encryption."""
