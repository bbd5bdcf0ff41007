"""Transforms: what one is, which ranges its parameters have, and how its samples are drawn as pictures.

The lowest room: uses errors, options, randomness and batch alone.
"""
