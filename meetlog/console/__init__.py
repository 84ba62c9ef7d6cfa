"""The console: a live page of a meet for a browser, and an API beneath it."""
