"""The Konnektor as the client module sees it: service directory, SOAP operations, cards."""
