"""Make the golden screens, and the picture of one for the README: ``python tests/golden/watch/make.py``.

Look at what has changed (``git diff``) before it is committed.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "support"))

from rich._export_format import CONSOLE_SVG_FORMAT  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.terminal_theme import TerminalTheme  # noqa: E402

from scenes import SCENES, Scene  # noqa: E402

# A dark terminal of today.
THEME = TerminalTheme(
    (22, 24, 29),
    (214, 218, 226),
    [
        (46, 50, 60),
        (240, 98, 106),
        (126, 201, 122),
        (232, 190, 92),
        (98, 160, 245),
        (196, 136, 240),
        (80, 196, 208),
        (214, 218, 226),
    ],
)
# Fonts that are there: a README loads none.
FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "Fira Code, monospace", "'Fira Code', 'Cascadia Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"
)


def svg(scene: Scene) -> str:
    """A screen as rich exports it."""
    console = Console(width=scene.width, record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(scene.picture(), end="")
    return console.export_svg(title="salespipe watch", theme=THEME, code_format=FORMAT, unique_id="watch")


def main() -> None:
    """Write everything beside this file."""
    for name, scene in SCENES.items():
        (HERE / f"{name}.txt").write_text(scene.picture().text, encoding="utf-8")
    for old in HERE.glob("*.txt"):
        if old.stem not in SCENES:
            old.unlink()
    (HERE / "terminal.svg").write_text(svg(Scene("busy", 120, 40, ("down", "down"))), encoding="utf-8")


if __name__ == "__main__":
    main()
