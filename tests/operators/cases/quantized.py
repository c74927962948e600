"""Integers: grids, and products and convolutions on them."""

import numpy as np

from .common import case, floats, numbers

U8, I8 = np.uint8, np.int8


def cases():
    x = floats(-3.3, -0.75, -0.25, 0, 0.25, 0.75, 1.25, 100, -100, 0.5)
    for dtype, zero in [(U8, 128), (I8, 0), (I8, -5), (np.int16, 3), (np.uint16, 300)]:
        name = f"{np.dtype(dtype).name}, zero point {zero}"
        opset = 21 if dtype in (np.int16, np.uint16) else 13
        yield case("QuantizeLinear", name, [x, np.float32(0.5), dtype(zero)], opset=opset, const=[1, 2])
        codes = numbers(6, low=max(-128, np.iinfo(dtype).min), high=127, dtype=dtype)
        yield case("DequantizeLinear", name, [codes, np.float32(0.25), dtype(zero)], opset=opset, const=[1, 2])
    yield case("QuantizeLinear", "no zero point", [x, np.float32(0.5)], opset=13, const=[1])
    yield case("QuantizeLinear", "scale as an input", [x, np.float32(0.5), U8(3)], opset=13)
    yield case("DequantizeLinear", "no zero point", [numbers(5, low=0, high=255, dtype=U8), np.float32(0.5)], opset=13, const=[1])
    yield case("DequantizeLinear", "32-bit integers", [numbers(5, low=-999, high=999, dtype=np.int32), np.float32(0.5)], opset=13, const=[1])
    yield case("DequantizeLinear", "scale as an input", [numbers(5, low=0, high=255, dtype=U8), np.float32(0.5), U8(3)], opset=13)
    for axis in [0, 1, -1, 2]:
        n = (2, 3, 4)[axis]
        scales, zeros = numbers(n, low=0.1, high=1), numbers(n, low=0, high=9, dtype=U8)
        yield case("QuantizeLinear", f"axis={axis}", [numbers(2, 3, 4), scales, zeros], opset=13, const=[1, 2], axis=axis)
        yield case("DequantizeLinear", f"axis={axis}", [numbers(2, 3, 4, low=0, high=255, dtype=U8), scales, zeros], opset=13,
                   const=[1, 2], axis=axis)
        yield case("DequantizeLinear", f"axis={axis}, constant codes",
                   [numbers(2, 3, 4, low=-128, high=127, dtype=I8), scales, zeros.astype(I8), numbers(2, 3, 4)][:3],
                   opset=13, const=[1, 2], axis=axis, name="DequantizeLinear")
    for block in [2, 3]:
        scales = numbers(2, -(-6 // block), low=0.1, high=1)
        yield case("QuantizeLinear", f"block_size={block}", [numbers(2, 6), scales], opset=21, const=[1], axis=1, block_size=block)
        yield case("DequantizeLinear", f"block_size={block}", [numbers(2, 6, low=-128, high=127, dtype=I8), scales], opset=21, const=[1],
                   axis=1, block_size=block)
    yield case("QuantizeLinear", "output_dtype", [x, np.float32(0.5)], opset=21, const=[1], output_dtype=3)
    yield case("QuantizeLinear", "half floats", [x[:7].astype(np.float16), np.float16(0.5), U8(9)], opset=21, const=[1, 2])
    yield case("DequantizeLinear", "output_dtype", [numbers(5, low=0, high=255, dtype=U8), np.float16(0.5), U8(3)], opset=23, const=[1, 2], output_dtype=1)
    yield case("QuantizeLinear", "a scale as an input that leaves numbers near halves", [np.arange(-300, 300, dtype=np.float32) * np.float32(0.01),
                                                                                         np.float32(0.0196078438311815), U8(153)], opset=13)
    yield case("QuantizeLinear", "opset 10", [x, np.float32(0.5), U8(9)], opset=10, const=[1, 2])
    yield case("DynamicQuantizeLinear", "both signs", [numbers(2, 5)], opset=11, outputs=3)
    yield case("DynamicQuantizeLinear", "above zero", [numbers(7, low=1, high=3)], opset=11, outputs=3)
    yield case("DynamicQuantizeLinear", "below zero", [numbers(7, low=-3, high=-1)], opset=11, outputs=3)
    for a, b in [(U8, U8), (U8, I8), (I8, I8)]:
        A = numbers(3, 4, low=0 if a is U8 else -99, high=99, dtype=a)
        B = numbers(4, 5, low=0 if b is U8 else -99, high=99, dtype=b)
        name = f"{np.dtype(a).name} by {np.dtype(b).name}"
        yield case("MatMulInteger", name, [A, B], opset=10)
        yield case("MatMulInteger", f"{name}, zero points", [A, B, a(7), b(3)], opset=10, const=[2, 3])
        yield case("QLinearMatMul", name, [A, np.float32(0.1), a(7), B, np.float32(0.05), b(3), np.float32(0.4), a(11)], opset=10,
                   const=[1, 2, 3, 4, 5, 6, 7], tolerance=0)
    yield case("MatMulInteger", "a zero point for each column", [numbers(3, 4, low=0, high=255, dtype=U8), numbers(4, 5, low=0, high=255, dtype=U8),
                                                                 U8(7), numbers(5, low=0, high=9, dtype=U8)], opset=10, const=[1, 2, 3])
    deep = lambda *shape, dtype, seed="", low=0, high=255: numbers(*shape, low=low, high=high, seed=seed, dtype=dtype)
    for tried, b, zero in [("int8", np.full((1500, 2), -128, I8), I8(127)), ("uint8", np.full((1500, 2), 255, U8), U8(0)),
                           ("random", deep(1500, 2, dtype=I8, low=-128, high=127), I8(0))]:
        yield case("MatMulInteger", f"sums beyond the whole numbers of floats, {tried}", [np.full((2, 3, 1500), 255, U8) if tried != "random" else
                                                                                      deep(2, 3, 1500, dtype=U8), b, U8(0), zero], opset=10, const=[1, 2, 3])
    yield case("MatMulInteger", "a zero point for each column, constant weights", [deep(2, 3, 9, dtype=U8), deep(9, 4, dtype=U8, seed="b"), U8(200),
                                                                                  deep(4, dtype=U8)], opset=10, const=[1, 3])
    yield case("MatMulInteger", "a zero point for each row", [deep(3, 9, dtype=U8), deep(9, 4, dtype=U8, seed="b"), deep(3, dtype=U8), U8(3)], opset=10,
               const=[1, 3], expected=[((deep(3, 9, dtype=U8).astype(np.int32) - deep(3, dtype=U8).astype(np.int32)[:, None]) @
                                        (deep(9, 4, dtype=U8, seed="b").astype(np.int32) - 3)).astype(np.int32)])
    yield case("MatMulInteger", "constant weights for each of a batch", [deep(2, 3, 9, dtype=U8), deep(2, 9, 4, dtype=I8, low=-128, high=127), U8(200)], opset=10,
               const=[1, 2])
    yield case("MatMulInteger", "a line by constant weights", [deep(9, dtype=U8), deep(9, 4, dtype=I8, low=-128, high=127), U8(200)], opset=10, const=[1, 2])
    yield case("ConvInteger", "sums beyond the whole numbers of floats", [np.full((1, 700, 2, 2), 255, U8), np.full((2, 700, 1, 1), 255, U8), U8(0), U8(0)],
               opset=10, const=[1, 2, 3])
    yield case("ConvInteger", "sums beyond the whole numbers of floats, 2x2", [deep(1, 400, 3, 3, dtype=U8), deep(2, 400, 2, 2, dtype=U8, seed="w"), U8(3), U8(100)],
               opset=10, const=[1, 3], pads=[1, 0, 0, 1])
    yield case("ConvInteger", "3x3 on many channels", [deep(1, 32, 12, 12, dtype=U8), deep(32, 32, 3, 3, dtype=U8, seed="w"), U8(3), U8(100)], opset=10,
               const=[1, 3], pads=[1, 1, 1, 1])
    yield case("ConvInteger", "depthwise", [deep(1, 8, 9, 9, dtype=U8), deep(8, 1, 3, 3, dtype=U8, seed="w"), U8(3), U8(100)], opset=10, const=[1, 3],
               pads=[1, 1, 1, 1], group=8)
    yield case("ConvInteger", "7x7 on three channels", [deep(1, 3, 20, 20, dtype=U8), deep(8, 3, 7, 7, dtype=U8, seed="w"), U8(30), U8(100)], opset=10,
               const=[1, 3], pads=[3, 3, 3, 3], strides=[2, 2])
    yield case("ConvInteger", "a zero point as an input", [deep(1, 4, 6, 6, dtype=U8), deep(8, 4, 1, 1, dtype=I8, low=-128, high=127), U8(30)], opset=10, const=[1])
    X, W = numbers(1, 2, 5, 6, low=0, high=255, dtype=U8), numbers(3, 2, 3, 3, low=0, high=255, dtype=U8)
    S = numbers(3, 2, 3, 3, low=-99, high=99, dtype=I8)
    yield case("ConvInteger", "defaults", [X, W], opset=10, const=[1])
    yield case("ConvInteger", "zero points", [X, W, U8(9), U8(5)], opset=10, const=[1, 2, 3])
    yield case("ConvInteger", "zero points, pads", [X, W, U8(9), U8(5)], opset=10, const=[1, 2, 3], pads=[1, 1, 1, 1])
    yield case("ConvInteger", "strides, dilations, asymmetrical pads", [X, W, U8(9)], opset=10, const=[1, 2], pads=[0, 1, 1, 2], strides=[1, 2],
               dilations=[2, 1])
    yield case("ConvInteger", "auto_pad", [X, W, U8(9)], opset=10, const=[1, 2], auto_pad="SAME_LOWER", strides=[2, 2])
    yield case("ConvInteger", "groups", [numbers(1, 4, 5, 5, low=0, high=255, dtype=U8), numbers(4, 2, 3, 3, low=0, high=255, dtype=U8), U8(9), U8(5)],
               opset=10, const=[1, 2, 3], group=2)
    out = [np.float32(3.0), U8(101)]
    def qconv(tried, x, w, scale=np.float32(0.02), zero=I8(0), bias=None, **attributes):
        tensors = [x, np.float32(0.05), U8(99), w, scale, zero, *out] + ([bias] if bias is not None else [])
        return case("QLinearConv", tried, tensors, opset=10, const=range(1, 9), tolerance=0, **attributes)
    yield qconv("defaults", X, S)
    yield qconv("bias", X, S, bias=np.array([500, -700, 0], np.int32))
    yield qconv("pads", X, S, pads=[1, 1, 1, 1])
    yield qconv("asymmetrical pads, strides", X, S, pads=[0, 1, 1, 0], strides=[2, 2])
    yield qconv("auto_pad", X, S, auto_pad="SAME_UPPER", strides=[2, 2])
    yield qconv("dilations", X, S, dilations=[2, 2])
    yield qconv("a scale for each channel", X, S, scale=floats(0.02, 0.01, 0.04), zero=np.zeros(3, I8))
    yield qconv("unsigned weights", X, W, zero=U8(128), scale=np.float32(0.01))
    yield qconv("groups", numbers(1, 4, 5, 5, low=0, high=255, dtype=U8), numbers(4, 1, 3, 3, low=-99, high=99, dtype=I8), group=4, pads=[1, 1, 1, 1])
