"""augrad-graph: graph transforms whose strengths augrad learns. augrad finds them by the `augrad` entry point."""
