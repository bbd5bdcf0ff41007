"""Shared by all pages: templates, style and words. Loads matplotlib on first use of style.py."""
