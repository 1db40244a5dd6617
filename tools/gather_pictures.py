"""Make every picture of images/ that is missing again from the package it comes from.

    python tools/gather_pictures.py

The table is images/catalogue.csv. Its column `source` says "PACKAGE: PATH INSIDE", then, where only a part
of the picture was taken, "[LEFT,TOP,WIDTH,HEIGHT]", then, where known, "(PAGE OF THE ORIGINAL)".
A picture must come out with the sha256 of the table, else it is not written. To make one again, delete it
first; to add one, write its row and leave `sha256` empty. images/CREDITS.md is written anew from the table.

The packages go into build/packages, which git ignores, each in the version that REGISTRY names.
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
from tempfile import TemporaryDirectory

from PIL import Image, ImageOps

from draw_pictures import draw

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "build" / "packages"
IMAGES = ROOT / "images"
CATALOGUE = IMAGES / "catalogue.csv"
LONG_SIDE = 400  # pixels; a smaller picture keeps its size
SVG_SIDE = 256
SAVE = {"JPEG": {"quality": 88}, "WEBP": {"quality": 88, "method": 6}, "PNG": {"optimize": True}}
FEW_BYTES = 60_000  # a file of the right format with no more than this is copied as it is

# "PACKAGE: PATH", "PACKAGE: PATH [10,20,300,200]", each with " (https://...)" after it or not
SOURCE = re.compile(r"([^:]+): (.+?)(?: \[([\d,]+)\])?(?: \(http\S+\))?")

# Where each package comes from, and the version that was used.
REGISTRY = {
    "tuxpaint-stamps-default": ("Debian", "2022.06.04-1"),
    "scratch": ("Debian", "1.4.0.6~dfsg1-6.1"),
    "endless-sky-data": ("Debian", "0.9.8-1.2"),
    "gnome-extra-icons": ("Debian", "1.1-3.1"),
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
    "dojox": ("npm", "1.17.3"),
}


def fetch(package):
    """Download and unpack a package once, in the version of REGISTRY; return its folder.

    Stops with one sentence where that version cannot be had.
    """
    registry, version = REGISTRY[package]
    name = package.lstrip("@").replace("/", "__")
    folder = PACKAGES / f"{name}_{version.replace(':', '%3a')}"
    if folder.exists():
        return folder
    print(f"fetching {package} {version} from {registry}")
    PACKAGES.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=PACKAGES) as download:

        def run(*command):
            return subprocess.run(command, cwd=download, check=True, capture_output=True, text=True).stdout

        def the_file():
            return next(path.name for path in Path(download).iterdir() if path.is_file())

        try:
            if registry == "Debian":
                run("apt-get", "download", f"{package}={version}")
                run("dpkg", "-x", the_file(), "unpacked")
            elif registry == "PyPI":
                run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"{package}=={version}")
                run(sys.executable, "-m", "zipfile", "-e", the_file(), "unpacked")
            else:
                run("npm", "pack", "--silent", f"{package}@{version}")
                run("mkdir", "unpacked")
                run("tar", "xzf", the_file(), "-C", "unpacked")
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            reason = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
            raise SystemExit(f"{package} {version} could not be fetched from {registry}: {reason}") from error
        (Path(download) / "unpacked").rename(folder)
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


def convert(data, box, suffix):
    """Return the file of a picture: the bytes as they are if they are few, else cut, shrunk and saved again.

    data: the bytes of the original. box: (left, top, width, height) in pixels, or None for the whole picture.
    suffix: of the file that is wanted: .jpg, .png, .gif or .webp.
    """
    if b"<svg" in data[:2000]:
        size = [f"--width={SVG_SIDE}", f"--height={SVG_SIDE}"]
        data = subprocess.run(
            ["rsvg-convert", "--keep-aspect-ratio", *size], input=data, check=True, capture_output=True
        ).stdout
    picture = Image.open(io.BytesIO(data))
    form = Image.registered_extensions()[suffix]
    if picture.format == form and not box and len(data) <= FEW_BYTES and max(picture.size) <= 512:
        return data
    picture = ImageOps.exif_transpose(picture)
    if box:
        left, top, width, height = box
        picture = picture.crop((left, top, left + width, top + height))
    transparent = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
    picture = picture.convert("RGBA" if transparent else "RGB")
    if transparent:
        picture = picture.crop(picture.getchannel("A").getbbox())
    picture.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.LANCZOS)
    return encoded(picture.convert("RGB") if form == "JPEG" else picture, form)


def encoded(picture, form):
    """Return a picture as the bytes of a file; form: as Pillow calls it, such as "PNG"."""
    file = io.BytesIO()
    picture.save(file, form, **SAVE.get(form, {}))
    return file.getvalue()


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


def made_from(source, suffix):
    """Return the bytes of the picture that a row's `source` describes."""
    package, path, box = SOURCE.fullmatch(source).groups()
    if package == "tools/draw_pictures.py":
        return encoded(draw(path), "PNG")
    return convert(read_source(package, path), [int(n) for n in box.split(",")] if box else None, suffix)


def gather(table):
    """Make the pictures of a table that are missing in its folder; return the rows.

    Stops with one sentence at a picture whose sha256 is not the table's, and overwrites neither. An empty
    sha256 is filled in.
    """
    rows = rows_of(table)
    for row in rows:
        target = table.parent / row["file"]
        is_there = target.exists()
        data = target.read_bytes() if is_there else made_from(row["source"], target.suffix)
        digest = hashlib.sha256(data).hexdigest()
        if row["sha256"] and digest != row["sha256"]:
            what = "the file that is there stays as it is" if is_there else "it was not written"
            raise SystemExit(
                f"{row['file']} is not the picture of {table.name}: its sha256 begins with {digest[:8]}, "
                f"in the table with {row['sha256'][:8]}; {what}."
            )
        if not is_there:
            print(row["file"])
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        row["sha256"] = digest
    if rows != rows_of(table):
        write_rows(table, rows)
    return rows


def credits_page(rows):
    """Return images/CREDITS.md: every picture under the package that it came from."""

    def package_of(row):
        return row["source"].split(": ")[0]

    lines = [
        "# Credits of the pictures",
        "",
        "Each picture is used under the licence named beside it. A figure that shows a picture is under",
        "that picture's licence too. The page of the original, where it is known, stands in the column",
        "`source` of `catalogue.csv`. Pictures were made smaller, cut to what they show or saved in another",
        "format; nothing else was changed unless the title says so. `licences/README.md` says where the text",
        "of each licence is. `tools/gather_pictures.py` wrote this page.",
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
    return "\n".join(lines)


def main():
    rows = gather(CATALOGUE)
    (IMAGES / "CREDITS.md").write_text(credits_page(rows), encoding="utf-8")
    print(f"{len(rows)} pictures in images/, each as the table says")


if __name__ == "__main__":
    main()
