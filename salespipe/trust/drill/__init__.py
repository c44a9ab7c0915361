"""Failures made on purpose, on a pipeline of their own: each is injected under load, healed, and verified."""
