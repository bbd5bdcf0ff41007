"""Files: atomic writes, and checkpoints whose contents are verified before they are used."""
