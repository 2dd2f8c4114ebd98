"""XPath 1.0 over an Event, with a bound on its work.

libxml2 evaluates without any: a filter of 60 characters can keep it busy for hours. What a client
subscribes with must not stop a Konnektor, so filters are evaluated here, step by step.
"""
