"""How an error reaches the reader of a notebook."""

import nbformat
from nbclient import NotebookClient


def test_jupyter_shows_the_sentence_alone():
    code = "from helpers.pictures import open_picture\nopen_picture('nowhere.jpg')"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, kernel_name="python3", allow_errors=True).execute()
    shown = notebook.cells[0].outputs[-1].traceback
    assert shown == ["There is no file nowhere.jpg: check its name and folder."]
