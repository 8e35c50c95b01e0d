"""Draw the rooms of the package and the imports between them, as they are in the code.

python docs/draw_rooms.py            writes docs/images/rooms.png
"""

from pathlib import Path

import grimp
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# From the top floor down, as in the import-linter contract of pyproject.toml.
FLOORS = [
    ["cli"],
    ["report"],
    ["training"],
    ["evaluate"],
    ["denoise"],
    ["io", "recon", "models"],
    ["phantoms"],
    ["noise"],
    ["signal"],
    ["data"],
]
OUT = Path(__file__).parent / "images" / "rooms.png"


def imports_between_rooms() -> dict[tuple[str, str], int]:
    """Count the imports from one room to another."""
    graph = grimp.build_graph("quietmr")
    counts: dict[tuple[str, str], int] = {}
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            pair = tuple(name.split(".")[1] if "." in name else name for name in (importer, imported))
            if pair[0] != pair[1]:
                counts[pair] = counts.get(pair, 0) + 1
    return counts


def main() -> None:
    """Write the drawing."""
    place = {
        room: ((i - (len(floor) - 1) / 2) * 3.2, -1.25 * level)
        for level, floor in enumerate(FLOORS)
        for i, room in enumerate(floor)
    }
    figure = Figure(figsize=(9, 10), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    for (importer, imported), count in imports_between_rooms().items():
        if importer not in place or imported not in place:
            continue
        (x0, y0), (x1, y1) = place[importer], place[imported]
        steps = abs(y1 - y0) / 1.25
        up = y1 >= y0
        # Imports over several floors swing out to the side, so that none hides behind a room.
        side = 0.0 if steps <= 1 else 0.16 * steps * (1 if (steps + len(importer)) % 2 else -1)
        style = {"arrowstyle": "-|>", "connectionstyle": f"arc3,rad={side / 3}", "shrinkA": 20, "shrinkB": 20}
        color = "crimson" if up else "0.55"
        axes.annotate("", (x1, y1), (x0, y0), arrowprops={**style, "color": color, "lw": 0.6 + 0.12 * min(count, 12)})
    for room, (x, y) in place.items():
        box = {"boxstyle": "round,pad=0.6", "fc": "#eef3fa", "ec": "#4a6fa5"}
        axes.text(x, y, room, ha="center", va="center", fontsize=13, bbox=box, zorder=3)
    axes.set(xlim=(-5, 5), ylim=(-1.25 * len(FLOORS) + 0.4, 0.9))
    axes.axis("off")
    axes.text(-4.8, 0.65, "Imports between the rooms of quietmr: all of them run down", fontsize=13)
    figure.savefig(OUT, dpi=80)


if __name__ == "__main__":
    main()
