"""Takes the first figure of the first notebook as the picture of README.md: docs/first_answer.png."""

import base64

import notebooks

TARGET = notebooks.NOTEBOOKS.parent / "docs" / "first_answer.png"


def first_figure(path):
    """The bytes of the first PNG among the outputs of a notebook."""
    for cell in notebooks.read(path).cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                return base64.b64decode(output.data["image/png"])
    raise SystemExit(f"{path.name} has no figure: run `make notebooks`.")


if __name__ == "__main__":
    TARGET.write_bytes(first_figure(notebooks.find(["00"])[0]))
