"""The page and the picture of the demos. Loads matplotlib; imported on first use."""
