"""The live picture in a terminal: ``draw`` and ``press`` are pure, ``run`` is what happens between two of them."""

from salespipe.watch.terminal.app import run
from salespipe.watch.terminal.draw import draw
from salespipe.watch.terminal.view import View, press

__all__ = ["View", "draw", "press", "run"]
