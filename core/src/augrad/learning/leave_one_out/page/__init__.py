"""The HTML page of evidence. Loads matplotlib; imported on first use."""
