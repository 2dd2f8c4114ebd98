"""Which function implements each requirement of the client module, and which test proves it."""
