"""What codes mean to people: cause and remedy in German, as tables."""
