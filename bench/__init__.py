"""Benchmarks, run with `make bench`: ratios and medians, measured side by side in one run on one machine."""
