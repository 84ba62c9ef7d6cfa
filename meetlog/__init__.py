"""The hall: settings, wiring and the command line. It imports every room; no room imports it."""

__version__ = "0.1.0"
