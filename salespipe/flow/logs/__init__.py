"""What the parts of the pipeline log: where it is, reading it in order, following it, and understanding a line."""
