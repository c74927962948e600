"""Operators of other domains, among them some that share a name with ONNX's own."""

import numpy as np

from .common import case, floats, numbers

MS = "com.microsoft"


def cases():
    x = numbers(2, 3, 8)
    ms = lambda op, tried, tensors, **given: case(op, tried, tensors, domain=MS, name=f"{MS}.{op}", **given)
    yield ms("Gelu", "defaults", [x])
    yield ms("BiasGelu", "defaults", [x, numbers(8)], const=[1])
    yield ms("FastGelu", "defaults", [x])
    yield ms("FastGelu", "bias", [x, numbers(8)], const=[1])
    yield ms("QuickGelu", "alpha", [x], alpha=1.702)
    yield ms("QuickGelu", "alpha=1", [x], alpha=1.0)
    yield ms("SkipLayerNormalization", "defaults", [x, numbers(2, 3, 8, seed="s"), numbers(8), numbers(8, seed="b")], const=[2, 3])
    yield ms("FusedMatMul", "transB", [numbers(3, 4), numbers(5, 4)], transB=1, alpha=0.5)
    yield ms("Attention", "two heads", [numbers(1, 3, 8), numbers(8, 24), numbers(24)], const=[1, 2], num_heads=2)
    yield ms("FusedConv", "Relu", [numbers(1, 2, 5, 5), numbers(3, 2, 3, 3)], const=[1], activation="Relu")
    yield ms("QLinearAdd", "bytes", [numbers(6, low=0, high=255, dtype=np.uint8), np.float32(0.1), np.uint8(3), numbers(6, low=0, high=255, seed="b", dtype=np.uint8),
                                     np.float32(0.2), np.uint8(4), np.float32(0.3), np.uint8(5)], const=[1, 2, 4, 5, 6, 7], tolerance=0)
    yield ms("QLinearSigmoid", "bytes", [numbers(6, low=0, high=255, dtype=np.uint8), np.float32(0.05), np.uint8(128), np.float32(1 / 256), np.uint8(0)],
             const=[1, 2, 3, 4], tolerance=0)
    u8 = lambda *shape, seed="": numbers(*shape, low=0, high=255, seed=seed, dtype=np.uint8)
    yield ms("QLinearMul", "bytes", [u8(6), np.float32(0.1), np.uint8(3), u8(6, seed="b"), np.float32(0.2), np.uint8(4), np.float32(2.5), np.uint8(5)],
             const=[1, 2, 4, 5, 6, 7], tolerance=0)
    yield ms("QLinearLeakyRelu", "alpha", [u8(6), np.float32(0.1), np.uint8(128), np.float32(0.1), np.uint8(40)], const=[1, 2, 3, 4], tolerance=0, alpha=0.25)
    yield ms("QLinearConcat", "axis=1", [np.float32(0.5), np.uint8(9), u8(2, 3), np.float32(0.25), np.uint8(3), u8(2, 2), np.float32(0.5), np.uint8(9)],
             const=[0, 1, 3, 4, 6, 7], tolerance=0, axis=1)
    for last in [0, 1]:
        yield ms("QLinearGlobalAveragePool", f"channels_last={last}", [u8(1, 2, 3, 4), np.float32(0.1), np.uint8(3), np.float32(0.1), np.uint8(3)],
                 const=[1, 2, 3, 4], tolerance=0, channels_last=last)
    yield ms("QLinearAveragePool", "pads, strides", [u8(1, 2, 5, 6), np.float32(0.1), np.uint8(3), np.float32(0.1), np.uint8(3)], const=[1, 2, 3, 4],
             tolerance=1, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])  # A half is rounded by the order of the sum.
    yield ms("QuickGelu", "defaults", [x])
    yield ms("SkipLayerNormalization", "epsilon", [x, numbers(2, 3, 8, seed="s"), numbers(8), numbers(8, seed="b")], const=[2, 3], epsilon=0.1)
    yield ms("SkipLayerNormalization", "bias", [x, numbers(2, 3, 8, seed="s"), numbers(8), numbers(8, seed="b"), numbers(8, seed="c")], const=[2, 3, 4])
    yield ms("SkipLayerNormalization", "no beta", [x, numbers(2, 3, 8, seed="s"), numbers(8)], const=[2])
    yield ms("GridSample", "another domain's", [numbers(1, 1, 3, 3), numbers(1, 2, 2, 2)], mode="bilinear")
    yield ms("QuantizeLinear", "16 bits", [floats(1, -2, 3.3), np.float32(0.001), np.uint16(32768)], const=[1, 2])
    yield ms("DequantizeLinear", "16 bits", [np.array([1, 2, 65535], np.uint16), np.float32(0.001), np.uint16(32768)], const=[1, 2])
