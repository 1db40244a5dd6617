"""Figures that only one notebook needs, in the visual language of all others."""
