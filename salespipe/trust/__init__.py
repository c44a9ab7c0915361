"""Proof and repair: what was acknowledged, and what became of it."""
