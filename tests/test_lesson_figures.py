"""The figures that only one notebook needs: what they show, and what their alt texts say."""

import io

import numpy as np
import pytest
from PIL import Image

from helpers import lesson_figures
from helpers.errors import ReaderError
from helpers.pictures import example, open_picture
from helpers.style import png


def pixels(figure):
    """A figure as it is drawn: uint8 (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(png(figure))).convert("RGB"))


# 01


def test_a_row_of_maps_says_what_is_in_each():
    ramp = np.arange(12.0).reshape(3, 4)
    figure = lesson_figures.map_row(
        {"the cup": open_picture(example("coffee.jpg")), "a": ramp - 8, "b": ramp}
    )
    assert '"A cup of espresso"' in figure.alt
    assert "a, 3 × 4 numbers from −8 to 3, 25% of them above zero" in figure.alt
    assert len(figure.credits) == 1


@pytest.mark.parametrize(
    ("values", "coloured"), [([[-3.0, 0], [1, 2]], True), ([[0.0, 0], [1, 2]], True), ([[1.0, 2]], False)]
)
def test_only_a_map_wholly_above_zero_is_grey(values, coloured):
    shown = pixels(lesson_figures.map_row({"a map": np.array(values)})).astype(int)
    assert (np.ptp(shown, axis=2).max() > 60) is np.bool_(coloured)


def test_a_map_of_zeros_is_drawn():
    assert "0% of them above zero" in lesson_figures.map_row({"nothing": np.zeros((3, 4))}).alt


def test_kernels_stand_above_their_maps():
    kernels, maps = np.zeros((3, 3, 3, 4)), np.zeros((8, 8, 4))
    maps[2:4, 2:4, 3] = 5
    alt = lesson_figures.kernels_and_maps(kernels, maps, [0, 3]).alt
    assert "kernel 0, 8 × 8 numbers from 0 to 0" in alt
    assert "kernel 3, 8 × 8 numbers from 0 to 5, 6% of them above zero" in alt


def test_a_picture_stands_beside_its_maps_cut_as_they_are():
    kernels, maps, cup = np.zeros((3, 3, 3, 1)), np.zeros((8, 8, 1)), open_picture(example("coffee.jpg"))
    figure = lesson_figures.kernels_and_maps(kernels, maps, [0], cup)
    assert '"A cup of espresso"; kernel 0' in figure.alt
    assert len(figure.credits) == 1
    shown = figure.axes[0]
    assert sorted(shown.get_ylim()) == [0, cup.height]
    assert sorted(shown.get_xlim()) == [(cup.width - cup.height) / 2, (cup.width + cup.height) / 2]


@pytest.mark.parametrize(("count", "sides"), [(1, "3 × 3 pixels, then layers of 1 × 1"), (3, "7 × 7 pixels")])
def test_stacked_kernels_reach_further_with_each_layer(count, sides):
    assert sides in lesson_figures.stacked_kernels(count).alt


def test_a_forecast_and_its_truth_are_told_for_every_group():
    groups = {"hottest": ([2.0, 4.0], [3.0, 6.0]), "coldest": ([-1.0, 0.0], [0.5, 0.1])}
    figure = lesson_figures.forecast_chart(groups, "forecast", "truth")
    assert "hottest, 2 trials: forecast 3.0 on average, came true 4.5" in figure.alt
    assert "coldest, 2 trials: forecast -0.5 on average, came true 0.3" in figure.alt
    dots = [each.get_offsets().tolist() for each in figure.axes[0].collections]
    assert dots == [[[2, 3], [4, 6]], [[-1, 0.5], [0, 0.1]]]
    low, high = figure.axes[0].get_xlim()
    assert low < -1 and high > 6 and figure.axes[0].get_ylim() == (low, high)


def test_a_forecast_without_its_truth_is_one_sentence():
    with pytest.raises(ReaderError, match="^Every forecast of 'hottest' needs its own truth.*[.]$"):
        lesson_figures.forecast_chart({"hottest": ([1.0], [])}, "forecast", "truth")


# 02


def test_bars_to_both_sides_say_where_most_is():
    parameters, work = {"block1_conv1": 1.0, "fc1": 3.0}, {"block1_conv1": 9.0, "fc1": 1.0}
    alt = lesson_figures.two_sided_bars(parameters, work, ("parameters", "work")).alt
    assert "parameters, most in fc1, 75.0 %" in alt
    assert "work, most in block1_conv1, 90.0 %" in alt


@pytest.mark.parametrize("right", [{}, {"a": 1}, {"b": 1, "a": 1}])
def test_bars_to_both_sides_need_the_same_names(right):
    with pytest.raises(ReaderError, match="same names"):
        lesson_figures.two_sided_bars({"a": 1, "b": 2}, right, ("left", "right"))


def test_a_dense_layer_is_drawn_with_its_numbers():
    alt = lesson_figures.dense_figure(inputs=25088, neurons=4096).alt
    assert "25,088 numbers come in" in alt and "each of 4,096 neurons" in alt


# 03


def test_a_walk_through_a_valley_tells_the_losses():
    figure = lesson_figures.valley(lambda place: place**2, {"short": [2, 1, 0.5], "long": [1, -2]})
    assert "short: the loss goes 4, 1, 0.25; long: the loss goes 1, 4." in figure.alt
    assert all(axes.get_xlim()[0] < axes.get_xlim()[1] for axes in figure.axes)


# 07


def test_spreads_say_the_median_and_where_nine_of_ten_trials_lie():
    alt = lesson_figures.spreads({"silenced": np.linspace(0, 1, 101), "answered": [0.5]}).alt
    assert "silenced: median 50.0 %, nine of ten from 5.0 % to 95.0 %" in alt
    assert alt.startswith("Columns for 101 trials.")


@pytest.mark.parametrize("results", [{}, {"silenced": []}])
def test_spreads_need_a_trial(results):
    with pytest.raises(ReaderError, match="at least one trial"):
        lesson_figures.spreads(results)
