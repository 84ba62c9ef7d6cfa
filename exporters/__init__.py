"""The back door: decide, append the decision, then act on files."""
