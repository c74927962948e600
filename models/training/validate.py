"""Mean IoU on held-out photos, measured during training on the averaged weights."""

import cv2
import numpy as np
import torch

from data import Photo, Sampler, normalise
from model import CANDIDATES, Net
from prompts import BOX, NEGATIVE, POSITIVE, box_map, click_map, depth, error_click, sloppy_box

FIGURES = ("click", "click_oracle", "box", "click3", "click5", "pred")
CLICKS = 5


def enlarged(logits: np.ndarray, side: int) -> np.ndarray:
    """The mask (bool [side, side]) of logits [side/2, side/2]."""
    return cv2.resize(logits, (side, side)) > 0


def iou_of(logits: np.ndarray, mask: np.ndarray, valid: np.ndarray) -> float:
    """IoU of one candidate [s/2, s/2] with `mask` over `valid` (bool [s, s])."""
    found = enlarged(logits, mask.shape[0]) & valid
    return float((found & mask).sum()) / max(1, int((found | mask).sum()))


def largest_mask(ids: np.ndarray) -> np.ndarray | None:
    """The largest labelled region (bool [s, s]), or None where it is below 1 % of the input."""
    counts = np.bincount(ids.ravel(), minlength=256)
    counts[0] = counts[255] = 0
    value = int(counts.argmax())
    return ids == value if counts[value] >= 0.01 * ids.size else None


def measure(
    net: Net, rng: np.random.Generator, image: np.ndarray, mask: np.ndarray, valid: np.ndarray
) -> list[float]:
    """The `FIGURES` of one photo: image float32 [3, s, s], mask and valid bool [s, s]."""
    side = mask.shape[0]
    embedding, skip, _ = net.encoder(torch.from_numpy(image[None]))
    maps = np.zeros((2, 3, side // 4, side // 4), np.float32)  # clicks, then the box
    deep = depth(mask)
    y, x = np.unravel_index(deep.argmax(), deep.shape)
    click_map(maps[0, POSITIVE], x + 0.5, y + 0.5)
    box_map(maps[1, BOX], sloppy_box(rng, mask, 0.0))
    prior = torch.zeros(2, 1, side // 2, side // 2)
    row = []
    for click in range(CLICKS):
        logits, iou = net.decoder(embedding, skip, torch.from_numpy(maps), prior)
        top = iou.argmax(1)
        clicked, boxed = (logits[j, top[j]].numpy() for j in range(2))
        if click == 0:
            oracle = max(iou_of(logits[0, c].numpy(), mask, valid) for c in range(CANDIDATES))
            row += [iou_of(clicked, mask, valid), oracle, iou_of(boxed, mask, valid)]
        if click in (2, 4):
            row.append(iou_of(clicked, mask, valid))
        new = error_click(rng, enlarged(clicked, side), mask, valid)
        if new:
            click_map(maps[0, POSITIVE if new[2] else NEGATIVE], new[0], new[1])
        prior[0, 0] = torch.from_numpy(clicked)
    return [*row, float(iou[0, top[0]])]


def validate(net: Net, photos: list[Photo], side: int) -> tuple[dict[str, float], int]:
    """Mean figures over the largest object of each labelled photo at `side`, and how many photos counted.

    `click` is the best-ranked mask after one click at the object's centre, `click_oracle` the best of three,
    `box` a tight box, `click3` and `click5` after that many clicks, `pred` the IoU predicted after the last
    one.
    """
    rng, sampler = np.random.default_rng(5), Sampler(photos, (side, side), 5, 1)
    rows = []
    net.eval()
    with torch.no_grad():
        for photo in photos:
            if not photo.weight or photo.kind == "semantic-11class":
                continue
            image, ids, valid, _ = sampler.warp(photo.image, photo.masks[0], plain=True)
            mask = largest_mask(ids)
            if mask is not None:
                rows.append(measure(net, rng, normalise(image, valid), mask, valid))
    net.train()
    means = np.mean(rows, 0).round(4).tolist() if rows else [0.0] * len(FIGURES)
    return dict(zip(FIGURES, means, strict=True)), len(rows)
