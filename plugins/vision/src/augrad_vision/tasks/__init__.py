"""Benchmark tasks on real images. The right augmentation of each task is known. Declared by ../plugin.py."""
