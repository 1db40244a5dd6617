"""The drawing of the network, to scale: from the picture on the left to the answer on the right."""

import json

import numpy as np
from matplotlib.patches import Circle, Polygon

from helpers.architecture import INPUT_SIZE, VGG16_LAYERS, Layer
from helpers.errors import ReaderError
from helpers.labels import DATA
from helpers.style import (
    BACKGROUND,
    BLOCK_COLOURS,
    INK,
    MAX_WIDTH,
    QUIET,
    CourseFigure,
    amount,
    course_style,
    mix,
    place,
    text_width,
)

SIDE = 1.55 / INPUT_SIZE  # inches for one pixel of a layer's height and depth
THICKNESS = 0.018 / 64  # inches for one map
NEURON = 1.55 / 4096  # inches for one neuron of a dense layer
DEPTH = np.array([0.29, 0.21])  # how far one inch into the depth goes to the right and up
SHEET = 0.04  # inches between two layers of a block, or two colours of the picture
AVERAGED = mix(INK, BACKGROUND, 0.65)  # what has no weights, behind the blocks: flatten or average


@course_style()
def draw_network(network="imagenet", highlight=None, built=None):
    """The network in use to scale, from the picture on the left to the answer on the right.

    A convolution is a slab: its height and depth are the pixels of its maps, its thickness their number; the
    paler slab at the end of a block is the pooling. A dense layer is a red bar as high as it has neurons, in
    a scale of its own; what has no weights, behind the blocks, is grey.
    network: a Recogniser, or "imagenet" for the full VGG16, or "pocket" for the network of this repository.
    highlight: what gets the mark "you are here" while the rest turns pale: a block, 1 to 5 (6: what follows
        the blocks), a layer's name ("block3_conv2", "predictions"), "input" or "output", or a list of these;
        None: all in full colour.
    built: how many blocks are there already, 0 to 6: the others are only outlines; None: all are there.
    Raises ReaderError for any other network, highlight or number.
    """
    rows, labels = _layers_of(network)
    for part in highlight if isinstance(highlight, list) else [highlight]:
        if part not in [None, "input", "output", *BLOCK_COLOURS, *[row.name for row in rows]]:
            raise ReaderError(
                f"The drawing has no {part!r}: use 1 to 6, 'input', 'output' "
                "or a layer's name, such as 'block3_conv2'."
            )
    if built not in [None, *range(7)]:
        raise ReaderError(f"built is the number of blocks that are there, 0 to 6, not {built!r}.")
    floor = 1.03 if rows[-2].kind == "dense" else 0.85  # the full network has a line more under its parts
    height = floor + (2.16 if highlight is None else 2.36)  # the mark needs room
    figure = CourseFigure(MAX_WIDTH, height)
    axes = place(figure, 0, 0, MAX_WIDTH, height)
    axes.set(xlim=(0, MAX_WIDTH), ylim=(-floor, height - floor))
    axes.axis("off")
    drawing = _Drawing(axes, rows, highlight, 6 if built is None else built)
    drawing.picture()
    for block in range(1, 6):
        drawing.block(block)
    if rows[-2].kind == "dense":
        drawing.dense()
    else:
        drawing.average()
    drawing.answer(labels)
    drawing.direction()
    drawing.mark()
    if highlight is None:
        drawing.legend()
    figure.alt = _in_words(rows, labels, drawing.highlight, built)
    return figure


def _layers_of(network):
    """The rows of a network's layers, and the number of its labels."""
    full = list(VGG16_LAYERS)
    if network == "imagenet":
        return full, full[-1].units
    if network == "pocket":
        labels = json.loads((DATA / "pocket_card.json").read_text(encoding="utf-8"))["labels"]
    elif hasattr(network, "labels") and hasattr(network, "model"):
        labels = len(network.labels)
        if any(layer.name == "fc1" for layer in network.model.layers):
            return full, labels
    else:
        raise ReaderError(
            f'{network!r:.40} is no network that can be drawn: use a recogniser, "imagenet" or "pocket".'
        )
    convolutions = [row for row in full if row.block < 6 and row.name != "block5_pool"]
    average = Layer("average", "average", 6, convolutions[-1].units)
    return [*convolutions, average, Layer("predictions", "dense", 6, labels, "softmax")], labels


def _in_words(rows, labels, highlight, built):
    """The drawing as an alt text."""
    size, parts = INPUT_SIZE, [f"a picture of {INPUT_SIZE} × {INPUT_SIZE} pixels"]
    for block in range(1, 6):
        own = [row for row in rows if row.block == block]
        convolutions = [row for row in own if row.kind == "conv"]
        parts.append(
            f"block {block}, {len(convolutions)} convolutions with {own[0].units} maps of {size} × {size}"
        )
        size //= 2 if len(own) > len(convolutions) else 1
    for row in rows:
        if row.kind in ("dense", "average"):
            kind = "dense layer" if row.kind == "dense" else "average of each map"
            parts.append(f"{row.name}, {kind}, {amount(row.units, 'number')}")
    text = f"The network, drawn to scale from left to right: {'; '.join(parts)}; {amount(labels, 'label')}."
    if built is not None and built < 6:
        text += f" Only the first {amount(built, 'block')} in colour, the rest is an outline."
    if highlight:
        text += ' Marked "you are here": ' + ", ".join(
            part if isinstance(part, str) else f"block {part}" if part < 6 else "the dense layers"
            for part in highlight
        )
        text += "."
    return text


class _Drawing:
    """The pen that draws the parts of the network from left to right, in inches above the floor."""

    def __init__(self, axes, rows, highlight, built):
        self.axes, self.rows, self.built = axes, rows, built
        self.highlight = highlight if isinstance(highlight, list) or highlight is None else [highlight]
        self.size = INPUT_SIZE  # pixels, halved by every pooling
        self.full = any(row.name == "fc1" for row in rows)
        self.pad = 0.079 if self.full else 0.155  # inches between two parts
        self.neuron = NEURON if self.full else 0.58 / rows[-1].units  # one dense layer has the room alone
        self.x = self.pad  # where the next part may start
        self.marked = []  # the corners of what is highlighted
        self.pale = None  # where the line to a pale slab ends

    def lit(self, *names):
        """Whether something that goes by these names is drawn in full colour."""
        return self.highlight is None or any(part in names for part in self.highlight)

    def part(self, width, heading, lines, lit):
        """Write the labels of the next part, `width` inches wide; returns where its drawing starts."""
        slot = max(width, *[text_width(text) for text in lines], text_width(heading, "bold")) + self.pad
        middle = self.x + slot / 2
        colour = INK if lit else QUIET
        self.axes.text(middle, -0.16, heading, ha="center", va="top", weight="bold", color=colour)
        self.axes.text(middle, -0.37, "\n".join(lines), ha="center", va="top", color=colour, linespacing=1.1)
        self.x += slot
        return middle - width / 2

    def sides(self):
        """The height and width of the maps, in two lines where there is no room for one."""
        return [f"{self.size}", f"×{self.size}"] if self.full else [f"{self.size}×{self.size}"]

    def shape(self, points, colour, lit, edge=True, there=True):
        """A filled polygon, pale where it is not lit, an outline where it is not there yet."""
        if not lit:
            colour = mix(colour, BACKGROUND, 0.74)
        line = mix(colour, INK, 0.45 if lit else 0.12) if edge else "none"
        if not there:
            colour, line, lit = BACKGROUND, "#BDB9AF", False
        self.axes.add_patch(
            Polygon(points, facecolor=colour, edgecolor=line, linewidth=0.5, joinstyle="round")
        )
        if lit:
            self.marked.extend(np.asarray(points).tolist())

    def slab(self, x, thickness, side, depth, colour, lit, there=True):
        """A box on the floor: its front, top and right side. `depth`: how far it goes right and up."""
        left, right, up = np.array([x, 0]), np.array([x + thickness, 0]), np.array([0, side])
        front = [left, right, right + up, left + up]
        top = [left + up, right + up, right + up + depth, left + up + depth]
        end = [right, right + depth, right + depth + up, right + up]
        self.shape(front, colour, lit, there=there)
        self.shape(top, mix(colour, "white", 0.35), lit, there=there)
        self.shape(end, mix(colour, INK, 0.18), lit, there=there)

    def picture(self):
        lit, side, frame = self.lit("input"), self.size * SIDE, 0.02
        depth = side * DEPTH
        x = self.part(2 * SHEET + frame + depth[0], "picture", [*self.sides(), "×3"], lit)
        for sheet in ["#D98C8C", "#8CC08C", "#8CA3D9"]:  # red, green and blue
            self.slab(x, frame, side, depth, sheet, lit)
            x += SHEET
        x -= SHEET
        turn = np.linspace(0, 2 * np.pi, 40)
        sky = [(0.08, 0.04), (0.92, 0.04), (0.92, 0.96), (0.08, 0.96)]
        sun = np.column_stack([0.68 + 0.15 * np.cos(turn), 0.76 + 0.075 * np.sin(turn)])
        far = [(0.08, 0.04), (0.08, 0.3), (0.36, 0.56), (0.58, 0.4), (0.72, 0.48), (0.92, 0.32), (0.92, 0.04)]
        near = [(0.08, 0.04), (0.08, 0.16), (0.4, 0.24), (0.7, 0.15), (0.92, 0.2), (0.92, 0.04)]
        for points, colour in [(sky, "#DCE9F2"), (sun, "#F6E3A8"), (far, "#8C97A3"), (near, "#5D6875")]:
            on_the_side = [(x + frame + u * depth[0], u * depth[1] + v * side) for u, v in points]
            self.shape(on_the_side, colour, lit, edge=False)

    def block(self, block):
        rows = [row for row in self.rows if row.block == block]
        thickness = rows[0].units * THICKNESS
        width = len(rows) * (thickness + SHEET) - SHEET + self.size / 2 * SIDE * DEPTH[0]
        there = block <= self.built
        lit = there and self.lit(block, *[row.name for row in rows])
        x = self.part(width, f"block {block}", [*self.sides(), f"×{rows[0].units}"], lit)
        for row in rows:
            colour = BLOCK_COLOURS[block]
            if row.kind == "pool":
                self.size //= 2
                colour = mix(colour, BACKGROUND, 0.5)
            side = self.size * SIDE
            self.slab(x, thickness, side, side * DEPTH, colour, self.lit(block, row.name), there)
            if there and block in (1, 3) and row.kind == "pool":
                self.pale = (x + thickness + side * DEPTH[0], side * (1 + DEPTH[1]))
            x += thickness + SHEET

    def dense(self):
        """The end of the full network: the flat row, and bars as high as the dense layers have neurons."""
        dense = [row for row in self.rows if row.kind == "dense"]
        maps = [row.units for row in self.rows if row.kind == "conv"][-1]
        # Every number of the last maps is written into one row, which every neuron of fc1 gets.
        numbers = [f"{self.size}×{self.size}", f"×{maps} =", f"{self.size**2 * maps:,}"]
        self.wedge("flatten", numbers, dense[0].units, ["flatten"])
        for row in dense[:-1]:
            there, lit = self.built == 6, self.lit(6, row.name)
            x = self.part(0.13, row.name, [f"{row.units:,}"], there and lit)
            self.bar(x, row.units, lit)

    def average(self):
        """The end of the pocket network: each of the last maps becomes one number, its average."""
        row = next(row for row in self.rows if row.kind == "average")
        there, lit, thickness = self.built == 6, self.lit(6, "average"), row.units * THICKNESS
        x = self.part(thickness, "average", [f"{row.units}", "numbers"], there and lit)
        # As many maps as before, of 1 × 1 pixel: a little higher than to scale, or nobody would find them.
        self.slab(x, thickness, 0.035, np.array([0.012, 0.009]), AVERAGED, lit, there)

    def wedge(self, heading, numbers, units, names):
        """What leads from the last maps to the neurons of the full network's first dense layer."""
        there, lit, fan = self.built == 6, self.lit(6, *names), 0.3
        x = self.part(fan + 0.13, heading, numbers, there and lit)
        corners = [(x, 0), (x + fan, 0), (x + fan, units * self.neuron), (x, self.size * SIDE)]
        self.shape(corners, mix(AVERAGED, BACKGROUND, 0.5), lit, edge=False, there=there)

    def bar(self, x, units, lit):
        """A red bar as high as a dense layer has neurons."""
        depth = np.array([0.06, 0.045])
        self.slab(x, 0.07, units * self.neuron, depth, BLOCK_COLOURS[6], lit, self.built == 6)

    def answer(self, labels):
        """The last dense layer, and the answer: bars of five guesses."""
        there = self.built == 6
        lit = there and self.lit("output", 6, "predictions")
        x = self.part(0.61, "answer", [f"{labels:,}", "label" if labels == 1 else "labels"], lit)
        self.bar(x, labels, self.lit(6, "predictions"))
        colour = INK if there and self.lit(6, "predictions") else QUIET
        self.axes.text(x + 0.69, 0.66, "predictions", ha="right", va="bottom", color=colour)
        if self.full:
            self.axes.plot([x + 0.065] * 2, [labels * self.neuron + 0.08, 0.63], color=QUIET, linewidth=0.8)
        x, lit = x + 0.17, self.lit("output")
        for number, long in enumerate([0.44, 0.24, 0.14, 0.09, 0.05][:labels]):
            low, high = 0.42 - 0.1 * number, 0.485 - 0.1 * number
            corners = [(x, low), (x + long, low), (x + long, high), (x, high)]
            self.shape(corners, BLOCK_COLOURS[6], lit, edge=False, there=there)

    def direction(self):
        """The way of the calculation: an arrow along the floor."""
        arrow = {"arrowstyle": "->", "color": QUIET, "linewidth": 1}
        self.axes.annotate("", (self.x - self.pad, -0.08), (2 * self.pad, -0.08), arrowprops=arrow)

    def legend(self):
        """What the slabs' sizes mean, with a line to a pale slab that is not hidden."""
        self.axes.text(2.45, 1.87, "taller slab: more places\nthicker slab: more maps", va="top", color=QUIET)
        self.axes.text(2.45, 1.36, "pale slab: halves\nheight and width", va="top", color=QUIET)
        if self.pale:
            x, top = self.pale
            self.axes.plot([x, max(x, 2.42)], [top, 0.99 if x > 2.4 else 1.2], color=QUIET, linewidth=0.8)

    def mark(self):
        """A pin above what is highlighted."""
        if self.highlight is None or not self.marked:
            return
        points = np.array(self.marked)
        middle = (points[:, 0].min() + points[:, 0].max()) / 2
        distance = np.abs(points[:, 0] - middle)
        tip = points[distance <= distance.min() + 0.5, 1].max() + 0.04
        # At the right end the pin gets a long needle: its words stand above the dense layers and their name.
        right_end = 1.63 if self.full else 0.85
        head = 0.27 + (right_end if middle > 5.5 else tip)
        turn = np.linspace(-0.2 * np.pi, 1.2 * np.pi, 40)
        drop = np.column_stack([middle + 0.1 * np.cos(turn), head + 0.1 * np.sin(turn)])
        self.axes.add_patch(Polygon([(middle, max(tip, head - 0.27)), *drop], facecolor=INK, linewidth=0))
        self.axes.add_patch(Circle((middle, head), 0.04, facecolor=BACKGROUND, linewidth=0))
        self.axes.plot([middle, middle], [tip, head - 0.15], color=INK, linewidth=1.5)
        side, align = (0.16, "left") if middle < MAX_WIDTH / 2 else (-0.16, "right")
        self.axes.text(middle + side, head - 0.01, "you are here", ha=align, va="center", weight="bold")
