"""KIM Attachment Service: mail data under links, for mails that are too large to be sent."""
