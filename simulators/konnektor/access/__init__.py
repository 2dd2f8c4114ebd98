"""Who may do what: identities of connections, information model, access check."""
