"""What is different on Google Colab: notebooks arrive alone on a new machine, large photos not at all.

`set_up` is called by the second cell of every notebook, by the path of this file: before our helpers can be
imported, so only the standard library and what Jupyter itself needs may be imported up here.
"""

import base64
import hashlib
import html
import importlib
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

from packaging.requirements import Requirement

COURSE = Path(__file__).resolve().parent.parent
# Colab brings these in versions that belong together; JupyterLab it does not need.
LEFT_ALONE = {"tensorflow", "tensorflow-cpu", "keras", "numpy", "jupyterlab"}


class SetUpError(Exception):
    """The course cannot be set up; the message is one plain sentence. (ReaderError is not to be had yet.)"""

    def _render_traceback_(self):
        return [str(self)]


def set_up(weights, edition):
    """Make the rest of a notebook run on Colab; a second call changes nothing.

    weights: what VGG16_WEIGHTS is to say, see `weights.choose`. edition: `edition_of` the notebook, beginning
    with its number. Where the course that was fetched has another edition of it, one sentence says so.
    Raises SetUpError where a restart is needed, or a package cannot be had.
    """
    loaded = sys.modules.get("helpers")
    if loaded and Path(loaded.__file__).resolve().parent != COURSE / "helpers":
        raise SetUpError(
            "Another copy of the helpers is in use: choose Runtime, Restart session, and run this cell again."
        )
    if str(COURSE) not in sys.path:
        sys.path.insert(0, str(COURSE))
    os.environ["VGG16_WEIGHTS"] = weights
    install(missing())
    if edition not in map(edition_of, COURSE.glob(f"notebooks/{edition[:2]}_*.ipynb")):
        print(
            "This notebook and the helpers are of different editions, and may not fit together: open the "
            "notebook anew from the course's page, or say as REF which tag or branch yours comes from."
        )


def edition_of(path):
    """A notebook's number, and eight letters and digits that change with its code, the set-up apart."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = [
        "".join(cell["source"])
        for cell in notebook["cells"]
        if cell["cell_type"] == "code" and "setup" not in cell["metadata"].get("tags", [])
    ]
    return f"{path.name[:2]}-{hashlib.sha256(json.dumps(code).encode()).hexdigest()[:8]}"


def missing():
    """What requirements.txt names and this machine lacks in any version: a list of requirements as texts."""
    lines = (COURSE / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line.partition("#")[0]) for line in lines if line[:1] not in ("", "#", "-")]
    return [
        f"{each.name}{each.specifier}"
        for each in wanted
        if each.name not in LEFT_ALONE and not any(importlib.metadata.distributions(name=each.name))
    ]


def install(requirements):
    """Install requirements, a list of texts; every package that is there stays in its version."""
    if not requirements:
        return
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, "kept.txt")
        here = importlib.metadata.distributions()
        kept.write_text("".join(f"{each.metadata['Name']}=={each.version}\n" for each in here))
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", kept, *requirements]
        if subprocess.run(command, capture_output=True).returncode:
            raise SetUpError(
                f"These packages are missing and cannot be installed here: {', '.join(requirements)}. "
                "Check the connection to the internet, and run this cell again."
            )
    importlib.invalidate_caches()


def here():
    """Whether this kernel runs on Google Colab."""
    return "google.colab" in sys.modules


# Messages of 1 MB or more never reach a kernel on Colab, and nothing says so: a photo travels in pieces.
PIECE = 256 * 1024
UPLOAD = """
<label>Choose photos <input type="file" id="{name}" multiple accept="{accept}"></label>
<output id="{name}-news"></output>
<script>
(() => {{
  const input = document.getElementById("{name}"), news = document.getElementById("{name}-news");
  const read = (blob) => new Promise((resolve, reject) => {{
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.split(",")[1] ?? "");
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  }});
  input.onchange = async () => {{
    const files = [...input.files];
    input.disabled = true;
    try {{
      for (const [number, file] of files.entries()) {{
        for (let start = 0; start === 0 || start < file.size; start += {piece}) {{
          news.textContent = `${{file.name}}: ${{Math.round(100 * start / (file.size || 1))}} %`;
          const piece = await read(file.slice(start, start + {piece}));
          const last = number === files.length - 1 && start + {piece} >= file.size;
          await google.colab.kernel.invokeFunction("{name}", [number, start, file.name, piece, last], {{}});
        }}
      }}
      news.textContent = files.length ? `Arrived: ${{files.map((file) => file.name).join(", ")}}` : "";
    }} catch (error) {{
      news.textContent = "The photos did not arrive: run this cell once more, and choose them anew.";
    }}
    input.value = "";
    input.disabled = false;
  }};
}})();
</script>
"""


def upload_button(take, accept):
    """A button for photos of any size, several at once; what `widgets.upload_button` is on Colab.

    It keeps nothing, and blocks no other cell. take: a function that is given the new photos, a list of
    (name, bytes). accept: the kinds of files, as HTML's `accept` has them.
    """
    from google.colab import output
    from IPython.display import HTML

    name, photos = f"photos-{uuid.uuid4()}", []

    def receive(number, start, file, piece, last):
        if number == start == 0:  # what an upload that broke off may have left
            photos.clear()
        if start == 0:
            photos.append((file, bytearray()))
        photos[-1][1].extend(base64.b64decode(piece))
        if last:
            arrived = [(file, bytes(content)) for file, content in photos]
            photos.clear()
            take(arrived)

    output.register_callback(name, receive)
    return HTML(UPLOAD.format(name=name, accept=html.escape(accept), piece=PIECE))
