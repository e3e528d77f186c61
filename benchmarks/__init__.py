"""How fast is it, on this machine? `make benchmark`; docs/performance.md says what the figures mean."""
