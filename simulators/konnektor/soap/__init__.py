"""HTTP and SOAP as the clients see them: service directory, envelopes, reading and answering."""
