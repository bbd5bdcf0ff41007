"""Augmentation layers: a weighted choice among transforms, with learned weights and magnitudes.

From the bottom up: draw (weights, strengths and random draws), matrices and composition (apply the draws), layer
(one choice, built by name) and module (stacked layers). Used by the model, policies and learning rules.
"""
