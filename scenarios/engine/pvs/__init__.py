"""The engine as a PVS: SMTP, POP3, SOAP and LDAP as practice software speaks them."""
