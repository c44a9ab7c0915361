"""What a person or a script sees: data on stdout, talk on stderr. The only rooms, with ``cli``, that know rich."""
