"""augrad-audio: audio and signal transforms that augrad learns. Found through the entry point `augrad_audio.plugin`."""
