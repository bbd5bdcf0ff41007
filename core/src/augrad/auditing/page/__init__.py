"""The HTML page of an audit. Loads matplotlib; imported on first use."""
