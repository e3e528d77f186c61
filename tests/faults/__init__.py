"""Faults, really broken, under load: `make faults`. docs/reliability.md tells how, and holds the table it makes.

Files named `fault_*.py` break things and belong to `make faults` alone; `test_*.py` are quick and hold the tools.
"""
