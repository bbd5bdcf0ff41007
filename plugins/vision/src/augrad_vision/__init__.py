"""augrad-vision: image transforms that augrad learns. Found through the entry point `augrad_vision.plugin`."""
