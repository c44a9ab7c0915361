"""From a request on the wire to its answer."""
