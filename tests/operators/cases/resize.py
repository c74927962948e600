"""Resizing: every mode with every way to place its samples, up and down, whole and broken factors."""

import numpy as np

from .common import case, floats, ints, numbers

COORDINATES = ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
               "tf_crop_and_resize"]
NEAREST = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]


def resize(tried, scales=None, sizes=None, shape=(1, 2, 4, 5), roi=None, opset=19, const=(1, 2, 3), **attributes):
    tensors = [numbers(*shape), roi, None if scales is None else floats(*scales),
               None if sizes is None else ints(*sizes)]
    while tensors[-1] is None:
        tensors.pop()
    tolerance = 1e-5 if attributes.get("mode") != "cubic" else 5e-5
    return case("Resize", tried, tensors, opset=opset, const=const, tolerance=tolerance, **attributes)


def cases():
    roi = floats(0, 0, 0.2, 0.1, 1, 1, 0.9, 1.2)
    for mode in ["nearest", "linear", "cubic"]:
        for coordinates in COORDINATES:
            region = roi if coordinates == "tf_crop_and_resize" else None
            extra = {"extrapolation_value": 7.5} if region is not None else {}
            for what, given in [("up", {"scales": [1, 1, 2, 2.5]}), ("down", {"scales": [1, 1, 0.6, 0.5]}),
                                ("to sizes", {"sizes": [1, 2, 7, 3]}), ("to one", {"sizes": [1, 2, 1, 1]})]:
                if region is not None and what == "to one" and mode == "cubic":
                    continue
                yield resize(f"{mode}, {coordinates}, {what}", roi=region, mode=mode,
                             coordinate_transformation_mode=coordinates, **given, **extra)
    for nearest in NEAREST:
        for coordinates in ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"]:
            yield resize(f"nearest_mode={nearest}, {coordinates}", scales=[1, 1, 0.5, 1.5], mode="nearest",
                         nearest_mode=nearest, coordinate_transformation_mode=coordinates)
        yield resize(f"nearest_mode={nearest}, asymmetric, doubling", scales=[1, 1, 2, 2], mode="nearest",
                     nearest_mode=nearest, coordinate_transformation_mode="asymmetric")
        yield resize(f"nearest_mode={nearest}, half_pixel, doubling", scales=[1, 1, 2, 2], mode="nearest",
                     nearest_mode=nearest)
        yield resize(f"nearest_mode={nearest}, asymmetric, halving, opset 11", scales=[1, 1, 0.5, 0.5], opset=11,
                     mode="nearest", nearest_mode=nearest, coordinate_transformation_mode="asymmetric", roi=floats())
    for mode in ["linear", "cubic"]:
        for coordinates in ["half_pixel", "align_corners", "asymmetric"]:
            for what, given in [("down", {"scales": [1, 1, 0.6, 0.5]}), ("up", {"scales": [1, 1, 2, 1.5]}),
                                ("to sizes", {"sizes": [1, 2, 2, 3]})]:
                yield resize(f"antialias, {mode}, {coordinates}, {what}", mode=mode, antialias=1, shape=(1, 2, 6, 8),
                             coordinate_transformation_mode=coordinates, **given)
    yield resize("antialias, cubic, exclude_outside", scales=[1, 1, 0.6, 0.5], shape=(1, 1, 6, 8), mode="cubic", antialias=1,
                 exclude_outside=1)
    yield resize("antialias, linear, exclude_outside", scales=[1, 1, 0.6, 0.5], shape=(1, 1, 6, 8), mode="linear", antialias=1,
                 exclude_outside=1)
    yield resize("antialias, linear, by 32", scales=[1, 1, 0.25, 0.125], shape=(1, 1, 16, 16), mode="linear", antialias=1)
    for coefficient in [-0.5, -0.75, -1.0]:
        yield resize(f"cubic_coeff_a={coefficient}", scales=[1, 1, 1.7, 2], mode="cubic", cubic_coeff_a=coefficient)
    for coordinates in ["half_pixel", "align_corners", "asymmetric"]:
        yield resize(f"cubic, exclude_outside, {coordinates}", scales=[1, 1, 1.7, 0.6], mode="cubic", exclude_outside=1,
                     coordinate_transformation_mode=coordinates)
    for policy in ["stretch", "not_larger", "not_smaller"]:
        for mode in ["nearest", "linear"]:
            yield resize(f"keep_aspect_ratio_policy={policy}, axes, {mode}", sizes=[7, 12], axes=[2, 3], mode=mode,
                         keep_aspect_ratio_policy=policy)
    yield resize("axes=[3], scales", scales=[2], axes=[3], mode="linear")
    yield resize("axes=[3,2], sizes", sizes=[3, 7], axes=[3, 2], mode="linear")
    yield resize("axes=[-2,-1], sizes", sizes=[3, 7], axes=[-2, -1], mode="linear")
    for mode in ["nearest", "linear"]:
        if mode == "nearest":
            yield resize(f"{mode}, channels too", scales=[1, 2, 1, 2], mode=mode)
        yield resize(f"{mode}, one dimension", scales=[1, 1, 1.5], shape=(1, 2, 5), mode=mode)
        yield resize(f"{mode}, three dimensions", scales=[1, 1, 2, 1, 1.5], shape=(1, 1, 2, 3, 4), mode=mode)
        yield resize(f"{mode}, two dimensions alone", scales=[2, 1.5], shape=(4, 5), mode=mode)
        yield resize(f"{mode}, nothing changes", scales=[1, 1, 1, 1], mode=mode)
        yield resize(f"{mode}, opset 13, sizes", sizes=[1, 2, 8, 10], mode=mode, opset=13)
        yield resize(f"{mode}, opset 11, sizes", sizes=[1, 2, 9, 7], mode=mode, opset=11, roi=floats(), scales=[])
        yield case("Resize", f"{mode}, opset 10", [numbers(1, 2, 4, 5), floats(1, 1, 2, 1.5)], opset=10, const=[1], mode=mode)
        for opset in [9, 7]:
            given = [numbers(1, 2, 4, 5)] + ([floats(1, 1, 2, 1.5)] if opset == 9 else [])
            extra = {} if opset == 9 else {"scales": [1.0, 1.0, 2.0, 1.5]}
            yield case("Upsample", f"{mode}, opset {opset}", given, opset=opset, const=[1], mode=mode, **extra)
    yield resize("linear, align_corners, an exact fit to sizes", sizes=[1, 2, 7, 9], mode="linear",
                 coordinate_transformation_mode="align_corners")
    yield resize("linear, half_pixel, doubling", scales=[1, 1, 2, 2], mode="linear")
    yield resize("linear, half_pixel, fourfold on many channels", scales=[1, 1, 4, 4], shape=(1, 16, 4, 4), mode="linear")
    yield resize("linear, pytorch_half_pixel, to sizes, many channels", sizes=[1, 16, 9, 7], shape=(1, 16, 4, 4),
                 mode="linear", coordinate_transformation_mode="pytorch_half_pixel")
    yield resize("linear, scales that do not come out even", scales=[1, 1, 1.3, 1.7], mode="linear")
    yield resize("nearest, scales that do not come out even", scales=[1, 1, 1.3, 1.7], mode="nearest")
    yield case("Resize", "nearest, bytes", [numbers(1, 1, 3, 4, low=0, high=255, dtype=np.uint8), None, floats(1, 1, 2, 2)],
               opset=19, const=[2], mode="nearest")
    yield case("Resize", "nearest, integers", [numbers(1, 1, 3, 4, low=-9, high=9, dtype=np.int32), None, floats(1, 1, 2, 2)],
               opset=19, const=[2], mode="nearest")
