"""The prompt: Typer commands that parse, call and render; no logic."""
