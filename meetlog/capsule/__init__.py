"""Incident capsules: a span of a log in one file, with all that it takes to replay it elsewhere."""
