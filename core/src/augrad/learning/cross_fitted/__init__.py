"""The cross-fitted rule: judges that have not seen a sample say what a transform costs."""
