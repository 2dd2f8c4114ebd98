"""Who acts in a scenario: the simulated practice and the simulated insurer."""
