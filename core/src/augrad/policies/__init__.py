"""Policies: a learned augmentation in physical units, as rows, as a table and as a document to store.

Uses layers/ and files/.
"""
