"""Draw the pictures that our own code makes: silhouettes, written words and symbols.

tools/gather_pictures.py calls draw() for every row of images/catalogue.csv whose source is this file.
"""

from math import cos, pi, sin
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

IMAGES = Path(__file__).resolve().parent.parent / "images"
SIDE = 256  # pixels of a finished picture
FINE = 4  # everything is drawn this many times larger, then shrunk: smooth edges
RED, YELLOW, BLACK, WHITE = "#cc1e2b", "#f5c518", "#1a1a1a", "#ffffff"


def draw(what):
    """Return one picture.

    what: "silhouette of FILE" (a picture of images/ with a transparent background), "word WORDS" or
    "symbol NAME".
    """
    kind, _, rest = what.partition(" ")
    if kind == "silhouette":
        return silhouette(IMAGES / rest.removeprefix("of "))
    if kind == "word":
        return written_word(rest)
    return symbol(rest)


def silhouette(path):
    """Return the object of a cut-out in plain black; the background stays transparent.

    The cut-out is enlarged to 400 pixels first, so that a small one gets smooth edges too.
    """
    with Image.open(path) as cut_out:
        shape = cut_out.convert("RGBA").getchannel("A")
    shape = shape.crop(shape.getbbox())
    scale = 400 / max(shape.size)
    shape = shape.resize([round(side * scale) for side in shape.size], Image.Resampling.BICUBIC)
    # Half-transparent pixels count as outside up to 40 %, as inside from 60 % on.
    shape = shape.point(lambda alpha: min(255, max(0, round((alpha - 102) * 5))))
    picture = Image.new("RGBA", shape.size, BLACK)
    picture.putalpha(shape)
    return picture


def written_word(words):
    """Return the words in black on white, as large as they fit."""
    picture = Image.new("RGB", (SIDE, SIDE), WHITE)
    pen = ImageDraw.Draw(picture)
    size = SIDE
    while pen.textlength(words, font=ImageFont.load_default(size)) > 0.9 * SIDE:
        size -= 1
    pen.text((SIDE / 2, SIDE / 2), words, fill=BLACK, anchor="mm", font=ImageFont.load_default(size))
    return picture


def symbol(name):
    """Return a symbol on white; its name is one of the keys of SYMBOLS."""
    picture = Image.new("RGB", (SIDE * FINE, SIDE * FINE), WHITE)
    SYMBOLS[name](Pen(picture))
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


class Pen:
    """Draws shapes in coordinates from -1 to 1 in both directions, y upwards."""

    def __init__(self, picture):
        self.pen = ImageDraw.Draw(picture)

    def place(self, x, y):
        """Return the pixel of a point; the square from -1 to 1 fills 90 % of the picture."""
        return SIDE * FINE * (0.5 + 0.45 * x), SIDE * FINE * (0.5 - 0.45 * y)

    def polygon(self, points, colour):
        self.pen.polygon([self.place(x, y) for x, y in points], fill=colour)

    def disc(self, x, y, radius, colour):
        corners = [self.place(x - radius, y + radius), self.place(x + radius, y - radius)]
        self.pen.ellipse(corners, fill=colour)

    def line(self, points, width, colour):
        """A line of points with round ends and corners; width in the same units as the points."""
        pixels = [self.place(x, y) for x, y in points]
        self.pen.line(pixels, fill=colour, width=round(SIDE * FINE * 0.45 * width))
        for x, y in points:
            self.disc(x, y, width / 2, colour)


def heart(pen):
    steps = [2 * pi * step / 200 for step in range(200)]
    pen.polygon(
        [
            (sin(t) ** 3, (13 * cos(t) - 5 * cos(2 * t) - 2 * cos(3 * t) - cos(4 * t)) / 16 + 0.1)
            for t in steps
        ],
        RED,
    )


def star(pen):
    corners = [(1 if corner % 2 == 0 else 0.4, pi / 2 + corner * pi / 5) for corner in range(10)]
    pen.polygon([(radius * cos(angle), radius * sin(angle)) for radius, angle in corners], YELLOW)


def arrow(pen):
    pen.polygon(
        [(-1, 0.25), (0.2, 0.25), (0.2, 0.65), (1, 0), (0.2, -0.65), (0.2, -0.25), (-1, -0.25)], BLACK
    )


def no_entry(pen):
    pen.disc(0, 0, 1, RED)
    pen.polygon([(-0.75, 0.2), (0.75, 0.2), (0.75, -0.2), (-0.75, -0.2)], WHITE)


def warning(pen):
    pen.polygon([(0, 0.95), (1, -0.8), (-1, -0.8)], RED)
    pen.polygon([(0, 0.62), (0.73, -0.64), (-0.73, -0.64)], WHITE)
    pen.polygon([(-0.1, 0.3), (0.1, 0.3), (0.05, -0.25), (-0.05, -0.25)], BLACK)
    pen.disc(0, -0.43, 0.1, BLACK)


def smiley(pen):
    pen.disc(0, 0, 1, YELLOW)
    pen.disc(-0.35, 0.3, 0.13, BLACK)
    pen.disc(0.35, 0.3, 0.13, BLACK)
    angles = [pi * (1.1 + 0.8 * step / 40) for step in range(41)]
    pen.line([(0.6 * cos(t), 0.6 * sin(t) - 0.05) for t in angles], 0.09, BLACK)


def plus(pen):
    pen.line([(-0.8, 0), (0.8, 0)], 0.3, BLACK)
    pen.line([(0, -0.8), (0, 0.8)], 0.3, BLACK)


def check(pen):
    pen.line([(-0.8, 0), (-0.25, -0.6), (0.8, 0.65)], 0.25, "#2a7f3f")


SYMBOLS = {
    "heart": heart,
    "star": star,
    "arrow": arrow,
    "no_entry": no_entry,
    "warning": warning,
    "smiley": smiley,
    "plus": plus,
    "check": check,
}
