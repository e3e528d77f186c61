"""Benchmarks of this service on this machine: `make benchmark`. docs/performance.md explains the figures."""
