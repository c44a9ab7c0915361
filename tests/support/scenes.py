"""The screens that are kept as golden texts: what is known, which keys were pressed, and how large the terminal is."""

from __future__ import annotations

from typing import Final, NamedTuple

from salespipe.watch.terminal import View, draw, press
from salespipe.watch.terminal.lines import Picture
from snapshots import snapshot


class Scene(NamedTuple):
    """``keys`` are pressed one after the other, each with the board of that moment on the screen."""

    kind: str
    width: int
    height: int
    keys: tuple[str, ...] = ()
    age: float = 0.0
    unicode: bool = True

    def view(self) -> View:
        view = View()
        for key in self.keys:
            view = press(view, key, snapshot(self.kind, view.choice).board)
        return view

    def picture(self) -> Picture:
        view = self.view()
        return draw(snapshot(self.kind, view.choice), view, self.width, self.height, age=self.age, unicode=self.unicode)


_FILTER: Final = ("/", *"knife")
_SHAPES: Final = {"80x24": (80, 24), "120x40": (120, 40), "200x60": (200, 60)}
_SHOWN: Final = {
    "small": Scene("small", 0, 0),
    "stuck": Scene("stuck", 0, 0),
    "stale": Scene("stale", 0, 0, age=43.0),
    "empty": Scene("empty", 0, 0),
    "filter": Scene("small", 0, 0, (*_FILTER, "enter", "tab")),
    "drill": Scene("small", 0, 0, ("tab", "tab", "down", "enter", "down", "enter")),
    "help": Scene("small", 0, 0, ("?",)),
}
SCENES: Final[dict[str, Scene]] = {
    **{
        f"{name}-{shape}": scene._replace(width=width, height=height)
        for shape, (width, height) in _SHAPES.items()
        for name, scene in _SHOWN.items()
    },
    "busy-120x40": Scene("busy", 120, 40),
    "chaos-80x24": Scene("chaos", 80, 24),
    "chaos-120x40": Scene("chaos", 120, 40, ("tab",) * 6),
    "filling-80x24": Scene("filling", 80, 24),
    "typing-80x24": Scene("small", 80, 24, _FILTER),
    "stock-80x24": Scene("small", 80, 24, ("backtab", "s")),
    "nothing-80x24": Scene("small", 80, 24, ("/", *"zzz", "enter")),
    "last-80x24": Scene("small", 80, 24, ("q",)),
    "ascii-80x24": Scene("stuck", 80, 24, unicode=False),
    "ascii-120x40": Scene("chaos", 120, 40, ("down", "down"), unicode=False),
}
