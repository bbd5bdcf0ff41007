"""Transforms: the base classes, the ranges of parameters, and how samples are drawn as pictures.

The lowest room: uses only errors, options, randomness and batch.
"""
