"""Policies: the learned augmentation in physical units, as rows, as a table and as a JSON document.

Uses layers/ and files/.
"""
