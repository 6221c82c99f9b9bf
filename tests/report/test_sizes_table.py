"""A table over two sizes."""

import numpy as np
from matplotlib import pyplot as plt

from metaskill.report.sizes import draw_table


def test_rows_and_columns_are_in_the_order_of_the_sizes() -> None:
    figure, axes = plt.subplots()
    draw_table(axes, {(10, 2): 0.5, (2, 2): 0.25, (2, 40): 0.75, (10, 40): 1.0}, ("|z|", "H"))
    np.testing.assert_array_equal(axes.images[0].get_array(), [[0.25, 0.75], [0.5, 1.0]])
    assert [text.get_text() for text in axes.texts] == ["0.25", "0.75", "0.50", "1.00"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["2", "10"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["2", "40"]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("|z|", "H")
    plt.close(figure)
