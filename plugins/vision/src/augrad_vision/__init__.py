"""augrad-vision: image transforms whose strengths augrad learns. augrad finds them by the `augrad` entry point."""
