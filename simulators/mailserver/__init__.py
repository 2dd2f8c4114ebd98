"""The mail server of a KIM provider (Fachdienst): SMTP, POP3, AccountLimit, relay, DSN."""
