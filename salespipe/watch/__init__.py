"""The live picture: a fetch thread posts frozen snapshots, the terminal and the page draw them.

``model`` is what a snapshot holds. The board in it is a pure function of events and clock; drawing it is another.
"""
