"""Benches: what `make bench` measures; docs/bench.md says how."""
