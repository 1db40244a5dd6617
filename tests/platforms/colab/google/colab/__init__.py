"""Stands in for the package that Google's machines have: what the course uses of it, and what it must not."""

from google.colab import files, output

__all__ = ["files", "output"]
