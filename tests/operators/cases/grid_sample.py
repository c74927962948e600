"""Sampling by a grid: every mode with every padding, corners aligned or not, points inside, on halves, on edges, outside."""

import numpy as np

from .common import case, numbers


def grid(rows, columns, low=-1.4, high=1.4):
    return numbers(1, rows, columns, 2, low=low, high=high)


def corners():
    """Corners, edges, the centre, halves between pixels of a 4x5 image, and far outside."""
    points = [(-1, -1), (1, 1), (-1, 1), (1, -1), (0, 0), (-1.25, 0.5), (0.5, 1.25), (0.6, -0.5), (-0.4, 0.25),
              (3.7, -5.2), (-11, 9), (0.2, 0.75), (1.1, -1.1), (-0.8, -0.75), (0.75, 1 / 3), (-0.25, -1 / 3)]
    return np.array(points, np.float32).reshape(1, 4, 4, 2)


def cases():
    x = numbers(1, 2, 4, 5)
    for opset, names in [(16, ["bilinear", "nearest", "bicubic"]), (20, ["linear", "nearest", "cubic"])]:
        for mode in names:
            for padding in ["zeros", "border", "reflection"]:
                for align in [0, 1]:
                    given = {"mode": mode, "padding_mode": padding, "align_corners": align}
                    told = f"{mode}, {padding}, align_corners={align}"
                    tolerance = 5e-5 if "cubic" in mode else 2e-5
                    yield case("GridSample", f"{told}, random", [x, grid(3, 4)], opset=opset, tolerance=tolerance, **given)
                    yield case("GridSample", f"{told}, corners and halves", [x, corners()], opset=opset, tolerance=tolerance,
                               **given)
    yield case("GridSample", "defaults", [x, grid(3, 4)], opset=16)
    yield case("GridSample", "defaults", [x, grid(3, 4)], opset=22)
    yield case("GridSample", "a batch", [numbers(2, 1, 4, 5), numbers(2, 3, 3, 2, low=-1.2, high=1.2)], opset=16)
    yield case("GridSample", "a constant grid", [x, grid(3, 4)], opset=16, const=[1])
    yield case("GridSample", "one pixel, reflection", [numbers(1, 1, 1, 1), grid(2, 2)], opset=16, padding_mode="reflection")
    yield case("GridSample", "one pixel, reflection, align_corners", [numbers(1, 1, 1, 1), grid(2, 2)], opset=16,
               padding_mode="reflection", align_corners=1)
    yield case("GridSample", "volumes, linear", [numbers(1, 1, 3, 4, 5), numbers(1, 2, 2, 3, 3, low=-1.3, high=1.3)], opset=20,
               mode="linear")
    yield case("GridSample", "volumes, nearest", [numbers(1, 1, 3, 4, 5), numbers(1, 2, 2, 3, 3, low=-1.3, high=1.3)], opset=20,
               mode="nearest", padding_mode="border")
    for theta_align in [0, 1]:
        theta = np.array([[[0.9, 0.1, 0.05], [-0.2, 1.1, 0.1]]], np.float32)
        yield case("AffineGrid", f"align_corners={theta_align}", [theta, np.array([1, 1, 3, 4])], opset=20, const=[1],
                   align_corners=theta_align)
