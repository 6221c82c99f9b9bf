"""Measurements, each against its limit, in one run on one machine."""
