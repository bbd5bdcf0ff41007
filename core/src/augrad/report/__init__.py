"""What all pages share: templates, look and words. Loads matplotlib on first use of style.py."""
