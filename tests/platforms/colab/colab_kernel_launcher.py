"""Starts a kernel as Colab does: its package is there before the first cell."""

import google.colab
from ipykernel import kernelapp

assert google.colab
kernelapp.launch_new_instance()
