"""What moves through the pipeline: how much, how late, and what got stuck. Prints nothing."""
