"""The client module (Clientmodul): SMTP and POP3 gateway between practice software and KIM."""
