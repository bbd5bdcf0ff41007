"""The leave-one-out rule: evidence in closed form, from features of the untrained trunk, before anything is trained.

find.py reads samples and searches, rule.py makes an objective of it. Used by objectives.py.
"""
