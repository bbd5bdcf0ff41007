"""Plugins: finds and loads the transforms, tasks and demos of other packages, and guards against their errors.

Uses transform/; used by layers/, the command line and the conformance kit.
"""
