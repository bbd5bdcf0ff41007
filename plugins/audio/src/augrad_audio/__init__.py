"""augrad-audio: transforms of sound and other signals whose strengths augrad learns, found by an entry point."""
