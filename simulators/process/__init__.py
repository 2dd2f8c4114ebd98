"""What every process shares: settings, clock, journal, faults, control API, TLS, start and end."""
