"""Policies: what was learned, in physical units, as rows, as a table and as a document that can be stored.

Uses layers/ and files/.
"""
