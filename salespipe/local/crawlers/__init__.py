"""Glue crawlers and classifiers."""
