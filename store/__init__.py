"""The log: immutable events, a hash chain, the engines that keep them. It knows no sport."""
