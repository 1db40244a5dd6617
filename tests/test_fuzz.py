"""Damaged pictures and weights files: a few of those that `make fuzz` tries."""

import pytest

import fuzz


@pytest.mark.parametrize(
    ("kind", "count"), [*((kind, 300) for kind in fuzz.FORMATS), *((kind, 100) for kind in fuzz.FILES)]
)
def test_damage_gets_a_picture_or_a_sentence(kind, count):
    opened, failures = fuzz.trial(kind, count)
    assert failures == []
    assert opened < count and (opened or kind == "old head")
