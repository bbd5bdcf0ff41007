"""Augmentation layers: a weighted choice among transforms, with learned weights and magnitudes.

Uses transform/ and plugins/; used by the model, policies and learning rules.
"""
