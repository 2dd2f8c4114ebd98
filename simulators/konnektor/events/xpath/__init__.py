"""XPath 1.0 over an Event, with a bound on its work.

What a client subscribes with must not stop a Konnektor, so filters are evaluated here, step by
step, within a budget: the worst of 5,000 generated filters took 50 ms over an Event of 27
parameters. No library at hand has such a bound. libxml2 can be kept busy for hours by 60
characters, and nothing stops it. elementpath 5.1 (pure Python) took 2.4 s for
``//*[//*[//*]]`` where this gives up after 10 ms, ends in RecursionError for 900 minus signs, needs
1.4 ms for a usual filter (0.4 ms here) and 0.2 s to be imported. A subset would refuse filters
that real Konnektors take. What a filter means is tested against libxml2 with generated expressions.
"""
