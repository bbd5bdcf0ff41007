"""Learning rules: objectives and penalties. The engine in training/ runs any of them and knows none by name."""
