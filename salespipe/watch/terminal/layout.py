"""Which lists are on the screen, and where: columns of lists, as many as there is room for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from salespipe.watch.terminal import panels
from salespipe.watch.terminal.lines import Block, beside
from salespipe.watch.terminal.lists import Panel

if TYPE_CHECKING:
    from salespipe.watch.model import Board
    from salespipe.watch.terminal.view import View

Stack = tuple[Panel, ...]

# From the most important down; what has no room comes up, in the last place, while the cursor is in it.
_TWO: Final[tuple[Stack, ...]] = (
    (Panel.PRODUCTS, Panel.MOVERS, Panel.CUSTOMERS, Panel.BASKETS, Panel.LATEST, Panel.STOCK),
    (Panel.REGIONS, Panel.CHANNELS, Panel.CATEGORIES),
)
_THREE: Final[tuple[Stack, ...]] = (
    (Panel.PRODUCTS, Panel.MOVERS),
    (Panel.REGIONS, Panel.CHANNELS, Panel.CATEGORIES),
    (Panel.STOCK, Panel.BASKETS, Panel.CUSTOMERS, Panel.LATEST),
)
_FOUR: Final[tuple[Stack, ...]] = (
    (Panel.PRODUCTS, Panel.MOVERS),
    (Panel.REGIONS, Panel.CHANNELS, Panel.CATEGORIES),
    (Panel.CUSTOMERS, Panel.BASKETS),
    (Panel.STOCK, Panel.LATEST),
)
# Where it is about one product alone, a list of products tells nothing.
_OF_ONE: Final[dict[int, tuple[Stack, ...]]] = {
    2: (
        (Panel.LATEST, Panel.CUSTOMERS, Panel.BASKETS, Panel.STOCK, Panel.PRODUCTS, Panel.MOVERS),
        (Panel.REGIONS, Panel.CHANNELS, Panel.CATEGORIES),
    ),
    3: (
        (Panel.LATEST, Panel.PRODUCTS, Panel.MOVERS),
        (Panel.REGIONS, Panel.CHANNELS, Panel.CATEGORIES),
        (Panel.CUSTOMERS, Panel.STOCK, Panel.BASKETS),
    ),
    4: (
        (Panel.LATEST, Panel.PRODUCTS, Panel.MOVERS),
        (Panel.REGIONS, Panel.CHANNELS, Panel.CATEGORIES),
        (Panel.CUSTOMERS,),
        (Panel.BASKETS, Panel.STOCK),
    ),
}
_ALIKE: Final = {
    Panel.REGIONS: "region",
    Panel.CHANNELS: "channel",
    Panel.CATEGORIES: "category",
    Panel.CUSTOMERS: "customer",
}
_GAP: Final = 2
_LEAST: Final = 5


def board_of(board: Board, view: View, width: int, height: int) -> Block:
    """The lists in ``height`` lines."""
    stacks, widths = _stacks(width)
    if view.choice.product is not None:
        stacks = _OF_ONE[len(stacks)]
    blocks = [(_stack(board, view, stack, size, height), size) for stack, size in zip(stacks, widths, strict=True)]
    return beside(blocks, _GAP)


def _stacks(width: int) -> tuple[tuple[Stack, ...], list[int]]:
    if width < 110:
        first = round((width - _GAP) * 0.61)
        return _TWO, [first, width - _GAP - first]
    stacks = _THREE if width < 160 else _FOUR
    size, more = divmod(width - _GAP * (len(stacks) - 1), len(stacks))
    return stacks, [size + (at < more) for at in range(len(stacks))]


def heights(natural: list[int], room: int) -> list[int]:
    """How tall each of some lists is, of which each would be ``natural`` and at least ``_LEAST`` lines.

    Lists that do not fit at all are left out from the end; what is left over goes to those that want more.
    A line is between two of them.
    """
    count = len(natural)
    while count > 1 and sum(min(_LEAST, each) for each in natural[:count]) + count - 1 > room:
        count -= 1
    made = [min(_LEAST, each) for each in natural[:count]]
    spare = room - sum(made) - (count - 1)
    while spare > 0 and any(has < wants for has, wants in zip(made, natural, strict=False)):
        for at in range(count):
            if spare > 0 and made[at] < natural[at]:
                made[at] += 1
                spare -= 1
    if count == 1:
        made = [room]
    return made


def _stack(board: Board, view: View, stack: Stack, width: int, room: int) -> Block:
    # What is chosen already is the same in every row: it comes last.
    shown = sorted(stack, key=lambda each: each in _ALIKE and getattr(view.choice, _ALIKE[each]) is not None)
    wants = [panels.natural(board, each) for each in shown]
    tall = heights(wants, room)
    if view.panel in shown and shown.index(view.panel) >= len(tall):
        # The list with the cursor takes the place of the last that has one.
        shown[len(tall) - 1] = view.panel
        shown = shown[: len(tall)]
        tall = heights([panels.natural(board, each) for each in shown], room)
    made: Block = []
    for number, size in enumerate(tall):
        if number:
            made.append([])
        made += panels.panel(board, view, shown[number], width, size, focus=shown[number] is view.panel)
    return made
