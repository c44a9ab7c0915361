"""A real-time sales analytics pipeline on AWS, or on this machine, from one command line."""

__version__ = "0.1.0"
