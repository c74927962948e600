"""Prompts as the decoder sees them, and prompts as people make them.

The maps live on the stride-4 grid, whose cell centres are at input pixel ((x + 0.5) * 4, (y + 0.5) * 4). A click map is
the maximum over its clicks of exp(-d^2 / (2 sigma^2)), sigma = 5 input pixels; the box map is the fraction of each cell
that the box covers. Coordinates are input pixels, x right, y down, origin at the corner of the first pixel.
"""

import cv2
import numpy as np

SIGMA = 5.0


def click_map(out: np.ndarray, x: float, y: float) -> None:
    """Adds one click to a map [H/4, W/4] in place."""
    h, w = out.shape
    gx = np.exp(-(((np.arange(w) + 0.5) * 4 - x) ** 2) / (2 * SIGMA**2))
    gy = np.exp(-(((np.arange(h) + 0.5) * 4 - y) ** 2) / (2 * SIGMA**2))
    np.maximum(out, gy[:, None] * gx[None, :], out=out)


def box_map(out: np.ndarray, box: tuple[float, float, float, float]) -> None:
    """Writes one box (x0, y0, x1, y1) into a map [H/4, W/4]."""
    h, w = out.shape
    cover = lambda n, a, b: np.clip(np.minimum(np.arange(1, n + 1) * 4, b) - np.maximum(np.arange(n) * 4, a), 0, 4) / 4
    out[:] = cover(h, box[1], box[3])[:, None] * cover(w, box[0], box[2])[None, :]


def person_click(rng: np.random.Generator, region: np.ndarray) -> tuple[float, float] | None:
    """A click inside `region` (bool [h, w]) as a person makes it: inside, mostly away from the rim, seldom centred."""
    if not region.any():
        return None
    depth = cv2.distanceTransform(np.pad(region, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    kind = rng.random()
    if kind < 0.3:
        y, x = np.unravel_index(depth.argmax(), depth.shape)
    else:
        candidates = np.flatnonzero(depth > (rng.uniform(0.3, 0.7) * depth.max() if kind < 0.85 else 0.0))
        y, x = divmod(int(candidates[rng.integers(len(candidates))]), depth.shape[1])
    return x + rng.random(), y + rng.random()


def error_click(rng: np.random.Generator, predicted: np.ndarray, truth: np.ndarray, valid: np.ndarray):
    """The corrective click: (x, y, positive) near the centre of the larger error, or None without errors."""
    missed, extra = truth & ~predicted & valid, predicted & ~truth & valid
    best = None
    for region, positive in ((missed, True), (extra, False)):
        if region.any():
            depth = cv2.distanceTransform(np.pad(region, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
            top = depth.max()
            if best is None or top > best[0]:
                best = (top, depth, positive)
    if best is None:
        return None
    top, depth, positive = best
    candidates = np.flatnonzero(depth >= top * rng.uniform(0.6, 1.0))
    y, x = divmod(int(candidates[rng.integers(len(candidates))]), depth.shape[1])
    return x + 0.5, y + 0.5, positive


def sloppy_box(rng: np.random.Generator, mask: np.ndarray, jitter: float) -> tuple[float, float, float, float]:
    """The tight box of `mask`, each side moved by up to `jitter` of the box's size (normal, one sigma = jitter / 2)."""
    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    x0, x1, y0, y1 = xs[0], xs[-1] + 1.0, ys[0], ys[-1] + 1.0
    w, h = x1 - x0, y1 - y0
    n = np.clip(rng.normal(0, jitter / 2, 4), -jitter, jitter)
    return x0 + n[0] * w, y0 + n[1] * h, x1 + n[2] * w, y1 + n[3] * h
