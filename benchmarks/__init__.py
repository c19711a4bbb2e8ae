"""Measurements: run by hand with ``make benchmarks``; each prints JSON and times a peer in the same run."""
