"""Style of every plot: small PNG files on white, so that a dark page shows them too."""

import math
from io import BytesIO
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

# The Okabe-Ito palette, distinguishable with any colour vision.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9")
COLOURS_A_PICTURE = 128
COLUMNS = 4
DOTS_PER_INCH = 110


def panels(count: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """Return a figure of `count` panels, each of that size in inches, at most four in a row."""
    columns = max(1, min(count, COLUMNS))
    rows = max(1, math.ceil(count / columns))
    size = (width * columns, height * rows)
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for spare in axes[count:]:
        spare.remove()
    for panel in axes[:count]:
        panel.spines[["top", "right"]].set_visible(False)
    return figure, axes[:count]


def save(figure: Figure, path: Path) -> None:
    """Save with a small palette, a third of the size; nothing inside depends on the day."""
    drawn = BytesIO()
    figure.savefig(drawn, dpi=DOTS_PER_INCH)
    picture = Image.open(drawn).convert("RGB")
    picture.quantize(COLOURS_A_PICTURE, dither=Image.Dither.NONE).save(path, optimize=True)
