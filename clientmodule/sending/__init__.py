"""From a client mail to the KOM-LE message at the MTA, step by step."""
