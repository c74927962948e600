"""Convolutions, forwards and backwards."""

import numpy as np

from .common import case, numbers

SAME = ["SAME_UPPER", "SAME_LOWER", "VALID"]


def conv(tried, x, w, bias=None, **attributes):
    tensors = [numbers(*x), numbers(*w)] + ([numbers(bias)] if bias else [])
    return case("Conv", tried, tensors, opset=attributes.pop("opset", 11), const=[1, 2], tolerance=2e-5, **attributes)


def transposed(tried, x, w, bias=None, **attributes):
    tensors = [numbers(*x), numbers(*w)] + ([numbers(bias)] if bias else [])
    return case("ConvTranspose", tried, tensors, opset=attributes.pop("opset", 11), const=[1, 2], tolerance=2e-5,
                **attributes)


def cases():
    x = (1, 4, 7, 8)
    yield conv("defaults", x, (3, 4, 3, 3))
    yield conv("bias", x, (3, 4, 3, 3), 3)
    yield conv("bias, opset 22", x, (3, 4, 3, 3), 3, opset=22)
    yield conv("1x1", x, (3, 4, 1, 1), 3)
    yield conv("a batch", (2, 4, 7, 8), (3, 4, 3, 3), 3, pads=[1, 1, 1, 1])
    yield conv("pads", x, (3, 4, 3, 3), pads=[1, 1, 1, 1])
    yield conv("asymmetrical pads", x, (3, 4, 3, 3), pads=[0, 2, 1, 0])
    yield conv("strides", x, (3, 4, 3, 3), strides=[2, 3])
    yield conv("strides, asymmetrical pads", x, (3, 4, 3, 3), strides=[2, 2], pads=[0, 1, 1, 0])
    yield conv("dilations", x, (3, 4, 3, 3), dilations=[2, 3])
    yield conv("dilations, strides, pads", x, (3, 4, 3, 3), dilations=[2, 1], strides=[1, 2], pads=[2, 1, 2, 1])
    yield conv("groups", x, (6, 2, 3, 3), 6, group=2, pads=[1, 1, 1, 1])
    yield conv("depthwise", x, (4, 1, 3, 3), 4, group=4, pads=[1, 1, 1, 1])
    yield conv("depthwise, strides, asymmetrical pads", x, (4, 1, 3, 3), group=4, strides=[2, 2], pads=[0, 0, 1, 1])
    yield conv("depthwise, 5x5, dilations", (1, 4, 11, 12), (4, 1, 5, 5), group=4, dilations=[2, 2])
    yield conv("depthwise, two for each channel", x, (8, 1, 3, 3), 8, group=4)
    yield conv("kernel_shape", x, (3, 4, 2, 3), kernel_shape=[2, 3])
    yield conv("even kernel, strides of its size", (1, 4, 8, 8), (3, 4, 4, 4), strides=[4, 4])
    for auto in SAME:
        yield conv(f"auto_pad={auto}", x, (3, 4, 2, 3), auto_pad=auto)
        yield conv(f"auto_pad={auto}, strides", x, (3, 4, 3, 4), auto_pad=auto, strides=[2, 3])
        yield conv(f"auto_pad={auto}, depthwise, strides", x, (4, 1, 3, 3), auto_pad=auto, strides=[2, 2], group=4)
    yield conv("auto_pad=NOTSET, pads", x, (3, 4, 3, 3), auto_pad="NOTSET", pads=[1, 0, 0, 1])
    yield conv("one dimension", (1, 2, 9), (3, 2, 3), 3, pads=[1, 0], strides=[2])
    yield conv("three dimensions", (1, 2, 4, 5, 4), (3, 2, 2, 3, 2), 3, pads=[1, 0, 0, 0, 1, 1])
    yield conv("three channels, wide enough for the fast kernels", (1, 3, 16, 16), (16, 3, 3, 3), 16, pads=[1, 1, 1, 1],
               strides=[2, 2])
    yield conv("3x3 on many channels", (1, 16, 12, 12), (16, 16, 3, 3), 16, pads=[1, 1, 1, 1])
    yield conv("3x3 on many channels, asymmetrical pads", (1, 16, 9, 12), (16, 16, 3, 3), 16, pads=[2, 0, 1, 1])
    yield conv("7x7 on three channels", (1, 3, 15, 15), (8, 3, 7, 7), pads=[3, 3, 3, 3], strides=[2, 2])
    yield case("Conv", "weights and bias as inputs", [numbers(*x), numbers(3, 4, 3, 3), numbers(3)], opset=11)
    yield case("Conv", "half floats", [numbers(*x, dtype=np.float16), numbers(3, 4, 3, 3, dtype=np.float16)], opset=11,
               const=[1], tolerance=2e-2)
    t = (1, 3, 4, 5)
    yield transposed("defaults", t, (3, 2, 3, 3))
    yield transposed("bias", t, (3, 2, 3, 3), 2)
    yield transposed("strides", t, (3, 2, 3, 3), strides=[2, 3])
    yield transposed("strides of the kernel's size", t, (3, 2, 2, 2), 2, strides=[2, 2])
    yield transposed("strides beyond the kernel", t, (3, 2, 2, 2), strides=[3, 3])
    yield transposed("pads", t, (3, 2, 3, 3), pads=[1, 1, 1, 1])
    yield transposed("asymmetrical pads", t, (3, 2, 3, 3), pads=[0, 2, 1, 0], strides=[2, 2])
    yield transposed("output_padding", t, (3, 2, 3, 3), strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])
    yield transposed("output_padding on one side", t, (3, 2, 3, 3), strides=[3, 3], output_padding=[2, 0])
    yield transposed("output_padding, bias, strides beyond the kernel", t, (3, 2, 2, 2), 2, strides=[3, 3], output_padding=[1, 2])
    yield transposed("dilations", t, (3, 2, 3, 3), dilations=[2, 2])
    yield transposed("dilations, strides, pads", t, (3, 2, 3, 3), dilations=[2, 1], strides=[1, 2], pads=[1, 0, 1, 2])
    yield transposed("groups", (1, 4, 4, 5), (4, 3, 3, 3), 6, group=2, strides=[2, 2])
    yield transposed("depthwise", (1, 4, 4, 5), (4, 1, 3, 3), 4, group=4, strides=[2, 2], pads=[1, 1, 1, 1])
    yield transposed("groups, output_shape", (1, 4, 4, 5), (4, 3, 3, 3), 6, group=2, strides=[2, 2], output_shape=[8, 10])
    yield transposed("kernel_shape", t, (3, 2, 2, 3), kernel_shape=[2, 3])
    yield transposed("a batch", (2, 3, 4, 5), (3, 2, 3, 3), 2, strides=[2, 2])
    yield transposed("output_shape, an odd total of pads", t, (3, 2, 3, 3), strides=[2, 2], output_shape=[8, 10])
    yield transposed("output_shape, an even total of pads", t, (3, 2, 3, 3), strides=[2, 2], output_shape=[7, 9])
    yield transposed("output_shape of the natural size", t, (3, 2, 3, 3), strides=[2, 2], output_shape=[9, 11])
    yield transposed("output_shape beyond the natural size", t, (3, 2, 3, 3), strides=[3, 3], output_shape=[13, 16])
    yield transposed("output_shape, bias, dilations", t, (3, 2, 3, 3), 2, strides=[2, 2], dilations=[2, 1], output_shape=[9, 10])
    yield transposed("output_shape, output_padding", t, (3, 2, 3, 3), strides=[2, 2], output_padding=[1, 1],
                     output_shape=[8, 9])
    yield transposed("output_shape, pads as well", t, (3, 2, 3, 3), strides=[2, 2], pads=[1, 1, 1, 1], output_shape=[8, 10])
    for auto in SAME:
        yield transposed(f"auto_pad={auto}", t, (3, 2, 3, 3), auto_pad=auto)
        yield transposed(f"auto_pad={auto}, strides", t, (3, 2, 3, 3), auto_pad=auto, strides=[2, 2])
        yield transposed(f"auto_pad={auto}, output_shape", t, (3, 2, 3, 3), auto_pad=auto, strides=[2, 2],
                         output_shape=[8, 10])
        yield transposed(f"auto_pad={auto}, output_padding", t, (3, 2, 3, 3), auto_pad=auto, strides=[2, 2],
                         output_padding=[1, 1])
    yield transposed("auto_pad=SAME_UPPER, even kernel", t, (3, 2, 4, 4), auto_pad="SAME_UPPER", strides=[3, 3])
    yield transposed("one dimension", (1, 3, 5), (3, 2, 3), 2, strides=[2], pads=[1, 0], output_padding=[1])
    yield transposed("one dimension, output_shape", (1, 3, 5), (3, 2, 3), 2, strides=[2], output_shape=[10])
    yield transposed("three dimensions", (1, 2, 3, 2, 3), (2, 2, 2, 3, 2), strides=[2, 1, 2])
    yield case("ConvTranspose", "weights as an input", [numbers(*t), numbers(3, 2, 3, 3)], opset=11, strides=[2, 2])
