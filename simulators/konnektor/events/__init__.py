"""Events of the Konnektor: subscriptions, delivery by CETP, operational states, expiry."""
