"""What feeds the pipeline: generated orders at a rate, and real ones from files."""
