"""An upload on Colab waits for the reader, and blocks every cell after it: no notebook may call it."""


def upload():
    raise AssertionError("files.upload() blocks Run all")
