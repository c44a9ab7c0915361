"""``salespipe query --shell``: SQL at a prompt, statement after statement."""
