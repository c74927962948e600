"""Prompts as the decoder sees them, and prompts as people make them.

The maps live on the stride-4 grid, whose cell centres are at input pixel ((x + 0.5) * 4, (y + 0.5) * 4). A
click map is the maximum over its clicks of exp(-d^2 / (2 sigma^2)), sigma = 5 input pixels; the box map is
the fraction of each cell that the box covers. Coordinates are input pixels, x right, y down, origin at the
corner of the first pixel.
"""

import cv2
import numpy as np

SIGMA = 5.0
POSITIVE, NEGATIVE, BOX = 0, 1, 2
# Shares of first rounds that start with a click, a box, a click in a box; the rest start as a tracker does.
CLICK_SHARE, BOX_SHARE, BOTH_SHARE = 0.42, 0.36, 0.08
# The share of clicks that are drawn out to a stroke, and the pixels between a stroke's points.
STROKE_SHARE, STROKE_STEP = 0.08, 8.0

Box = tuple[float, float, float, float]


def click_map(out: np.ndarray, x: float, y: float) -> None:
    """Adds one click to a map [H/4, W/4] in place."""
    h, w = out.shape
    gx = np.exp(-(((np.arange(w) + 0.5) * 4 - x) ** 2) / (2 * SIGMA**2))
    gy = np.exp(-(((np.arange(h) + 0.5) * 4 - y) ** 2) / (2 * SIGMA**2))
    np.maximum(out, gy[:, None] * gx[None, :], out=out)


def covered(n: int, low: float, high: float) -> np.ndarray:
    """Fraction of each of `n` cells of 4 pixels that lies between `low` and `high`: [n]."""
    cells = np.arange(n) * 4
    return np.clip(np.minimum(cells + 4, high) - np.maximum(cells, low), 0, 4) / 4


def box_map(out: np.ndarray, box: Box) -> None:
    """Writes one box (x0, y0, x1, y1) into a map [H/4, W/4]."""
    h, w = out.shape
    out[:] = covered(h, box[1], box[3])[:, None] * covered(w, box[0], box[2])[None, :]


def depth(region: np.ndarray) -> np.ndarray:
    """Distance in pixels of each pixel of `region` (bool [h, w]) to its rim or the array's border."""
    return cv2.distanceTransform(np.pad(region, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]


def person_click(rng: np.random.Generator, region: np.ndarray) -> tuple[float, float]:
    """A click in a non-empty `region` (bool [h, w]) as people make it: mostly off the rim, seldom centred."""
    deep = depth(region)
    kind = rng.random()
    if kind < 0.3:
        y, x = np.unravel_index(deep.argmax(), deep.shape)
    else:
        candidates = np.flatnonzero(deep > (rng.uniform(0.3, 0.7) * deep.max() if kind < 0.85 else 0.0))
        y, x = divmod(int(candidates[rng.integers(len(candidates))]), deep.shape[1])
    return x + rng.random(), y + rng.random()


def stroke(rng: np.random.Generator, mask: np.ndarray) -> list[tuple[float, float]]:
    """Points along a line that a person draws over `mask` (bool [h, w], not empty), those off the mask left out."""
    (x0, y0), (x1, y1) = person_click(rng, mask), person_click(rng, mask)
    count = max(2, int(np.hypot(x1 - x0, y1 - y0) / STROKE_STEP))
    line = ((x0 + (x1 - x0) * t, y0 + (y1 - y0) * t) for t in np.linspace(0, 1, count))
    return [(x, y) for x, y in line if mask[int(y), int(x)]]


def error_click(
    rng: np.random.Generator, predicted: np.ndarray, truth: np.ndarray, valid: np.ndarray
) -> tuple[float, float, bool] | None:
    """The corrective click (x, y, positive) near the centre of the larger error, or None without errors.

    All three arrays are bool [h, w]; the answer is in their pixels.
    """
    best = None
    for region, positive in ((truth & ~predicted & valid, True), (predicted & ~truth & valid, False)):
        if region.any():
            deep = depth(region)
            if best is None or deep.max() > best[0]:
                best = (deep.max(), deep, positive)
    if best is None:
        return None
    top, deep, positive = best
    candidates = np.flatnonzero(deep >= top * rng.uniform(0.6, 1.0))
    y, x = divmod(int(candidates[rng.integers(len(candidates))]), deep.shape[1])
    return x + 0.5, y + 0.5, positive


def sloppy_box(rng: np.random.Generator, mask: np.ndarray, jitter: float) -> Box:
    """The tight box of `mask`, each side moved by up to `jitter` of its size (normal, sigma jitter / 2)."""
    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    x0, x1, y0, y1 = xs[0], xs[-1] + 1.0, ys[0], ys[-1] + 1.0
    w, h = x1 - x0, y1 - y0
    n = np.clip(rng.normal(0, jitter / 2, 4), -jitter, jitter)
    return x0 + n[0] * w, y0 + n[1] * h, x1 + n[2] * w, y1 + n[3] * h


def stale_mask(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
    """The mask (bool [h, w]) as a tracker last saw it, moved, scaled and rough: float32 [h, w] in 0..1."""
    h, w = mask.shape
    m = mask.astype(np.float32)
    dx, dy = rng.normal(0, 0.03 * np.sqrt(h * w), 2)
    scale = float(np.exp(rng.normal(0, 0.06)))
    ys, xs = np.nonzero(mask)
    cx, cy = xs.mean(), ys.mean()
    a = np.array([[scale, 0, cx * (1 - scale) + dx], [0, scale, cy * (1 - scale) + dy]])
    m = cv2.warpAffine(m, a, (w, h))
    if rng.random() < 0.5:
        n = int(rng.integers(3, 9))
        m = (cv2.erode if rng.random() < 0.5 else cv2.dilate)(m, np.ones((n, n), np.uint8))
    return cv2.GaussianBlur(m, (0, 0), rng.uniform(0.7, 3))


def start_prompts(
    rng: np.random.Generator, masks: np.ndarray, maps: np.ndarray, mask_input: np.ndarray
) -> None:
    """First-round prompts of one image's non-empty masks (bool [K, h, w]), written into zeroed arrays.

    maps [K, 3, h/4, w/4] and mask_input [K, 1, h/2, w/2] (logits).
    """
    h, w = masks.shape[1:]
    for k, mask in enumerate(masks):
        r = rng.random()
        box = CLICK_SHARE <= r < CLICK_SHARE + BOX_SHARE + BOTH_SHARE
        if r < CLICK_SHARE or (box and r >= CLICK_SHARE + BOX_SHARE):
            points = stroke(rng, mask) if rng.random() < STROKE_SHARE else [person_click(rng, mask)]
            for x, y in points:
                click_map(maps[k, POSITIVE], x, y)
        if box:
            box_map(maps[k, BOX], sloppy_box(rng, mask, 0.02 if rng.random() < 0.6 else 0.15))
        elif r >= CLICK_SHARE:
            before = stale_mask(rng, mask)
            low = cv2.resize(before, (w // 2, h // 2), interpolation=cv2.INTER_AREA)
            mask_input[k, 0] = (low * 2 - 1) * rng.uniform(3, 10)
            if (before > 0.5).any() and rng.random() < 0.85:
                box_map(maps[k, BOX], sloppy_box(rng, before > 0.5, 0.05))
