"""The languages: one pure file per protocol, both directions. No socket, no file, no clock."""
