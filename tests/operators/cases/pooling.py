"""Pooling over windows and over whole maps."""

import numpy as np

from .common import case, numbers

SAME = ["SAME_UPPER", "SAME_LOWER", "VALID"]
X = (1, 2, 7, 8)


def cases():
    for op in ["MaxPool", "AveragePool", "LpPool"]:
        def pool(tried, shape=X, opset=19 if op != "LpPool" else 18, op=op, **attributes):
            given = {"kernel_shape": [3, 3], **attributes}
            return case(op, tried, [numbers(*shape)], opset=opset, **given)

        yield pool("defaults")
        yield pool("opset 11", opset=11)
        yield pool("2x3, strides", kernel_shape=[2, 3], strides=[2, 2])
        yield pool("pads", pads=[1, 1, 1, 1])
        yield pool("asymmetrical pads", pads=[0, 1, 2, 0], strides=[2, 2])
        yield pool("all below zero, pads", shape=(1, 1, 4, 4), pads=[1, 1, 1, 1])
        yield pool("dilations", dilations=[2, 2])
        yield pool("dilations, strides, pads", dilations=[2, 1], strides=[1, 2], pads=[1, 1, 1, 1])
        yield pool("ceil_mode", ceil_mode=1, strides=[2, 3])
        yield pool("ceil_mode, pads", ceil_mode=1, strides=[3, 3], pads=[1, 1, 1, 1])
        yield pool("ceil_mode, a window that would start in the padding", shape=(1, 1, 5, 5), ceil_mode=1,
                   kernel_shape=[2, 2], strides=[3, 3], pads=[1, 1, 1, 1])
        yield pool("ceil_mode, even", shape=(1, 2, 6, 6), ceil_mode=1, kernel_shape=[3, 3], strides=[2, 2])
        for auto in SAME:
            yield pool(f"auto_pad={auto}", auto_pad=auto, kernel_shape=[2, 3])
            yield pool(f"auto_pad={auto}, strides", auto_pad=auto, strides=[2, 3])
        yield pool("one dimension", shape=(1, 2, 9), kernel_shape=[3], strides=[2], pads=[1, 0])
        yield pool("three dimensions", shape=(1, 2, 4, 5, 4), kernel_shape=[2, 2, 3])
        if op != "LpPool":
            yield pool("opset 22, ceil_mode", opset=22, ceil_mode=1, strides=[2, 2], pads=[1, 1, 1, 1])
    for attributes in [{}, {"pads": [1, 1, 1, 1]}, {"pads": [0, 1, 2, 0], "strides": [2, 2]},
                       {"ceil_mode": 1, "strides": [2, 3]}, {"ceil_mode": 1, "strides": [3, 3], "pads": [1, 1, 1, 1]},
                       {"dilations": [2, 2], "pads": [1, 1, 1, 1]}, {"auto_pad": "SAME_UPPER", "strides": [2, 3]},
                       {"auto_pad": "SAME_LOWER", "strides": [2, 3]}]:
        tried = ", ".join(["count_include_pad"] + [f"{k}={v}" for k, v in attributes.items()])
        yield case("AveragePool", tried, [numbers(*X)], opset=19, kernel_shape=[3, 3], count_include_pad=1, **attributes)
    for p in [1, 2, 3]:
        yield case("LpPool", f"p={p}", [numbers(*X)], opset=18, kernel_shape=[2, 2], p=p)
        yield case("GlobalLpPool", f"p={p}", [numbers(*X)], opset=2 + 9, p=p)
    yield case("GlobalLpPool", "defaults", [numbers(*X)], opset=13)
    for order in [0, 1]:
        yield case("MaxPool", f"indices, storage_order={order}", [numbers(2, 2, 4, 5)], opset=12, outputs=2,
                   kernel_shape=[2, 2], strides=[2, 2], storage_order=order)
    yield case("MaxPool", "indices, pads, dilations", [numbers(*X)], opset=12, outputs=2, kernel_shape=[2, 2],
               dilations=[2, 2], pads=[1, 1, 1, 1])
    yield case("MaxPool", "bytes", [numbers(1, 1, 4, 4, low=0, high=255, dtype=np.uint8)], opset=12, kernel_shape=[2, 2])
    for op in ["GlobalAveragePool", "GlobalMaxPool"]:
        yield case(op, "two dimensions", [numbers(2, 3, 4, 5)], opset=13)
        yield case(op, "one dimension", [numbers(2, 3, 4)], opset=13)
        yield case(op, "three dimensions", [numbers(1, 3, 4, 2, 3)], opset=13)
    yield case("GlobalMaxPool", "not a number", [np.full((1, 1, 4, 6), np.nan, np.float32)], opset=13)
    yield case("MaxUnpool", "defaults", [numbers(1, 1, 2, 2), np.array([[[[5, 7], [13, 15]]]])], opset=11,
               kernel_shape=[2, 2], strides=[2, 2])
    yield case("MaxRoiPool", "pooled_shape", [numbers(1, 1, 6, 6), np.array([[0, 0, 0, 3, 3]], np.float32)], opset=11,
               pooled_shape=[2, 2])
    for mode in ["avg", "max"]:
        yield case("RoiAlign", mode, [numbers(1, 2, 6, 6), np.array([[0.2, 0.4, 4.1, 5.3]], np.float32),
                                      np.array([0], np.int64)], opset=16, output_height=2, output_width=3,
                   sampling_ratio=2, mode=mode)
