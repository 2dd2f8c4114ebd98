"""From the message at the POP3 server to the mail for the client system, step by step."""
