"""Operators of other domains, among them some that share a name with ONNX's own."""

import numpy as np
from onnx import helper

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
    a, b = numbers(2, 3, 4), numbers(2, 5, 4, seed="b")
    yield ms("FusedMatMul", "alpha", [numbers(3, 4), numbers(4, 5)], alpha=-2.0)
    yield ms("FusedMatMul", "transB, alpha", [numbers(3, 4), numbers(5, 4)], transB=1, alpha=0.5)
    yield ms("FusedMatMul", "transB, batches", [a, b], transB=1, alpha=0.5)
    yield ms("FusedMatMul", "transA, transB, batches", [numbers(2, 4, 3), b], transA=1, transB=1)
    yield ms("FusedMatMul", "transA, a constant", [numbers(2, 4, 3), numbers(4, 5)], const=[1], transA=1)
    yield ms("FusedMatMul", "transB, heads that are broadcast", [numbers(2, 3, 4, 5), numbers(1, 3, 6, 5)], transB=1, alpha=0.25)
    yield ms("FusedMatMul", "transBatchA", [numbers(3, 2, 4), numbers(2, 4, 5)], transBatchA=1)
    yield ms("Attention", "two heads", [numbers(1, 3, 8), numbers(8, 24), numbers(24)], const=[1, 2], num_heads=2)
    x4, w4 = numbers(1, 2, 5, 5), numbers(3, 2, 3, 3)
    for name, parameters in [("Relu", []), ("Sigmoid", []), ("Tanh", []), ("LeakyRelu", [0.25]), ("Clip", [-0.5, 1.5]), ("HardSigmoid", [0.25, 0.6])]:
        given = {"activation_params": parameters} if parameters else {}
        yield ms("FusedConv", name, [x4, w4, numbers(3)], const=[1, 2], activation=name, **given)
    yield ms("FusedConv", "Relu, pads, strides, no bias", [x4, w4], const=[1], activation="Relu", pads=[1, 1, 1, 1], strides=[2, 2])
    yield ms("FusedConv", "a sum and Relu", [x4, w4, numbers(3), numbers(1, 3, 3, 3, seed="z")], const=[1, 2], activation="Relu")
    yield ms("FusedConv", "groups", [x4, numbers(4, 1, 3, 3)], const=[1], activation="Relu", group=2)
    for name, given in [("Relu", {}), ("LeakyRelu", {"activation_alpha": 0.25}), ("Tanh", {})]:
        yield ms("FusedGemm", name, [numbers(3, 4), numbers(5, 4), numbers(5)], const=[1, 2], activation=name, transB=1, **given)
    yield ms("FusedGemm", "Sigmoid, alpha, beta", [numbers(3, 4), numbers(4, 5), numbers(5)], activation="Sigmoid", alpha=0.5, beta=2.0)
    codes = lambda *shape, seed="", dtype=np.int8: numbers(*shape, low=-99 if dtype is np.int8 else 0, high=99, seed=seed, dtype=dtype)
    yield ms("DynamicQuantizeMatMul", "one scale", [x, codes(8, 5), np.float32(0.02)], const=[1, 2])
    yield ms("DynamicQuantizeMatMul", "zero point, bias", [x, codes(8, 5, dtype=np.uint8), np.float32(0.02), np.uint8(40), numbers(5)], const=[1, 2, 3, 4])
    yield ms("DynamicQuantizeMatMul", "a scale for each column", [x, codes(8, 5), numbers(5, low=0.01, high=0.1), np.zeros(5, np.int8), numbers(5)],
             const=[1, 2, 3, 4])
    yield ms("MatMulIntegerToFloat", "no zero points", [codes(3, 8, dtype=np.uint8), codes(8, 5), np.float32(0.1), np.float32(0.02)], const=[1, 3])
    yield ms("MatMulIntegerToFloat", "zero points, bias", [codes(2, 3, 8, dtype=np.uint8), codes(8, 5), np.float32(0.1), numbers(5, low=0.01, high=0.1), np.uint8(7),
                                                           np.full(5, 3, np.int8), numbers(5)], const=[1, 3, 5, 6])
    pixels = numbers(1, 5, 6, 2, low=0, high=255, dtype=np.uint8)
    yield ms("NhwcMaxPool", "defaults", [pixels], kernel_shape=[2, 2], tolerance=0)
    yield ms("NhwcMaxPool", "pads, strides", [pixels], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2], tolerance=0)
    qconv = lambda x: [x, np.float32(0.05), np.uint8(99), codes(3, 2, 3, 3), np.float32(0.02), np.int8(0), np.float32(0.5), np.uint8(101)]
    for last in [0, 1]:
        yield ms("QLinearConv", f"channels_last={last}", qconv(pixels if last else pixels.transpose(0, 3, 1, 2).copy()), const=range(1, 8), tolerance=0,
                 channels_last=last, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 1])
    yield ms("QLinearConv", "channels_last, no kernel_shape", qconv(pixels), const=range(1, 8), tolerance=0, channels_last=1)
    softmax = [numbers(2, 3, 4, low=0, high=255, dtype=np.uint8), np.float32(0.03), np.uint8(99), np.float32(1 / 256), np.uint8(0)]
    for tried, axis, version in [("axis=1", 1, 13), ("the last axis, flattening", -1, 11), ("axis=1, flattening", 1, 11)]:
        made = ms("QLinearSoftmax", tried, softmax, const=range(1, 5), tolerance=1, axis=axis)  # ONNX Runtime takes exponentials from a table.
        made.nodes[0].attribute.append(helper.make_attribute("opset", version))
        yield made
    gemm = [codes(3, 8, dtype=np.uint8), np.float32(0.1), np.uint8(7), codes(8, 5), np.float32(0.02), np.int8(0)]
    bias = numbers(5, low=-900, high=900, dtype=np.int32)
    yield ms("QGemm", "floats", gemm + [bias], const=range(1, 7))
    yield ms("QGemm", "bytes", gemm + [bias, np.float32(0.25), np.uint8(128)], const=range(1, 9), tolerance=0)
    yield ms("QGemm", "a scale for each column, alpha", gemm[:4] + [numbers(5, low=0.01, high=0.1), np.zeros(5, np.int8), bias], const=range(1, 7), alpha=0.5)
    yield ms("QGemm", "transB, a scale for each column", gemm[:3] + [codes(5, 8), numbers(5, low=0.01, high=0.1), np.zeros(5, np.int8), bias], const=range(1, 7),
             transB=1)
    yield ms("QGemm", "no bias", gemm, const=range(1, 6))
    yield case("SimplifiedLayerNormalization", "axis=-1", [x, numbers(8)], const=[1], axis=-1, epsilon=1e-3)
    yield case("SimplifiedLayerNormalization", "defaults", [x, numbers(8)], const=[1])
    yield case("SimplifiedLayerNormalization", "two outputs", [x, numbers(8)], const=[1], outputs=2, axis=-1)
    yield ms("SkipSimplifiedLayerNormalization", "epsilon", [x, numbers(2, 3, 8, seed="s"), numbers(8)], const=[2], epsilon=1e-3)
    yield ms("SkipSimplifiedLayerNormalization", "the sum as an output", [x, numbers(2, 3, 8, seed="s"), numbers(8), numbers(8, seed="c")], const=[2, 3], epsilon=1e-3,
             outputs=["o0", "", "", "o3"])
    yield ms("SkipLayerNormalization", "the sum as an output", [x, numbers(2, 3, 8, seed="s"), numbers(8), numbers(8, seed="b"), numbers(8, seed="c")],
             const=[2, 3, 4], outputs=["o0", "", "", "o3"], epsilon=1e-3)
    yield ms("SkipLayerNormalization", "small numbers without an epsilon", [x * 1e-3, numbers(2, 3, 8, seed="s") * 1e-3, numbers(8), numbers(8, seed="b")], const=[2, 3])
    yield ms("SkipLayerNormalization", "a bias and no beta", [x, numbers(2, 3, 8, seed="s"), numbers(8), None, numbers(8, seed="c")], const=[2, 4])
    yield ms("SkipLayerNormalization", "a skip that is broadcast", [x, numbers(1, 3, 8, seed="s"), numbers(8), numbers(8, seed="b")], const=[2, 3], epsilon=1e-3)
    yield ms("MultiHeadAttention", "two heads", [numbers(1, 3, 8), numbers(1, 3, 8, seed="k"), numbers(1, 3, 8, seed="v")], num_heads=2)
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
                 const=[1, 2, 3, 4], tolerance=last, channels_last=last)  # As below.
    yield ms("QLinearAveragePool", "pads, strides", [u8(1, 2, 5, 6), np.float32(0.1), np.uint8(3), np.float32(0.1), np.uint8(3)], const=[1, 2, 3, 4],
             tolerance=1, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])  # A half is rounded by the order of the sum.
    yield ms("QLinearAveragePool", "channels_last", [u8(1, 5, 6, 2), np.float32(0.1), np.uint8(3), np.float32(0.1), np.uint8(3)], const=[1, 2, 3, 4],
             tolerance=1, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2], channels_last=1)
    yield ms("QuickGelu", "defaults", [x])
    yield ms("SkipLayerNormalization", "epsilon", [x, numbers(2, 3, 8, seed="s"), numbers(8), numbers(8, seed="b")], const=[2, 3], epsilon=0.1)
    yield ms("SkipLayerNormalization", "bias", [x, numbers(2, 3, 8, seed="s"), numbers(8), numbers(8, seed="b"), numbers(8, seed="c")], const=[2, 3, 4])
    yield ms("SkipLayerNormalization", "no beta", [x, numbers(2, 3, 8, seed="s"), numbers(8)], const=[2])
    yield ms("GridSample", "another domain's", [numbers(1, 1, 3, 3), numbers(1, 2, 2, 2)], mode="bilinear")
    yield ms("QuantizeLinear", "16 bits", [floats(1, -2, 3.3), np.float32(0.001), np.uint16(32768)], const=[1, 2])
    yield ms("DequantizeLinear", "16 bits", [np.array([1, 2, 65535], np.uint16), np.float32(0.001), np.uint16(32768)], const=[1, 2])
