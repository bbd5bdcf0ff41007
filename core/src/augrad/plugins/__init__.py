"""Plugins: how transforms, tasks and demos of other packages are found, loaded and guarded.

Uses transform/; used by layers/, the command line and the conformance kit.
"""
