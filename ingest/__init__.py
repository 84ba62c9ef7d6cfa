"""The front door: sockets, the meet folder and the operator, all ending in an append."""
