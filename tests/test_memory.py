"""How much memory photos take, measured in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="only Linux says how much memory was used at most"
)

# Prints, for each file, by how many MB the memory in use grew at most while it was prepared.
MEASURE = """
import gc, json, re, sys
from PIL import Image
from helpers.pictures import open_picture, prepare

def status(key):
    with open("/proc/self/status") as file:
        return int(re.search(key + r":\\s+(\\d+)", file.read())[1]) / 1024

open_picture(Image.new("RGB", (300, 300)))
grown = {}
for file in sys.argv[1:]:
    gc.collect()
    with open("/proc/self/clear_refs", "w") as reset:
        reset.write("5")
    before = status("VmRSS")
    assert prepare(file).shape == (224, 224, 3)
    grown[file] = status("VmHWM") - before
print(json.dumps(grown))
"""

# Opens a photo where it cannot have the memory.
STARVE = """
import resource, sys
from helpers.pictures import open_picture

with open("/proc/self/statm") as file:
    used = int(file.read().split()[5]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_DATA, (used + 50_000_000, resource.RLIM_INFINITY))
try:
    open_picture(sys.argv[1])
except ValueError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Large pictures, one of each kind, and how many MB each may take beside what is in use already."""
    folder = tmp_path_factory.mktemp("photos")
    on_its_side = Image.Exif()
    on_its_side[0x0112] = 6
    slope = Image.linear_gradient("L").resize((8160, 6144))
    photo = Image.merge("RGB", (slope, slope.transpose(Image.Transpose.ROTATE_180), slope))
    photo.save(folder / "50 megapixels.jpg", exif=on_its_side)
    photo.crop((0, 0, 4000, 3000)).save(folder / "12 megapixels.jpg", exif=on_its_side)
    # A PNG cannot be decoded small: 4 bytes a pixel, and no second copy.
    photo.crop((0, 0, 6000, 4000)).save(folder / "24 megapixels.png", exif=on_its_side, compress_level=1)
    palette = Image.new("P", (9000, 9000))
    palette.putpalette(list(range(256)) * 3)
    palette.save(folder / "palette.png", transparency=bytes([0, 128] * 128), compress_level=1)
    return folder, {
        "12 megapixels.jpg": 80,
        "50 megapixels.jpg": 80,
        "24 megapixels.png": 96 + 60,
        "palette.png": 81 + 90,
    }


def run(program, *files):
    done = subprocess.run([sys.executable, "-c", program, *files], capture_output=True, text=True, check=True)
    return done.stdout


def test_a_large_photo_takes_little_memory(photos):
    folder, allowed = photos
    grown = json.loads(run(MEASURE, *(str(folder / file) for file in allowed)))
    for file, megabytes in allowed.items():
        assert grown[str(folder / file)] < megabytes, file


def test_a_photo_for_which_the_memory_is_too_small_is_not_called_damaged(photos):
    folder, _ = photos
    assert run(STARVE, str(folder / "24 megapixels.png")) == (
        "24 megapixels.png is too large for the memory that is free: make it smaller first.\n"
    )
