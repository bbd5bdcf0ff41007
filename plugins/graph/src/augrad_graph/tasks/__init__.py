"""Benchmark tasks on graphs; the right augmentation is known. A file per data set. Declared by plugin.py."""
