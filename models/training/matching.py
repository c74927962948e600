"""What following asks of the embedding: that the cells of one frame find those of the same thing in the next.

A second view of a sample is moved, bent and partly hidden, as the next frames of a video are. Its cells vote by the cells of
the first that they are most like whether they are inside of an object, as `src/track/memory` has it, and the votes are held against
the object's place there (Oh et al. 2019 learn features so).
"""

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from data import MEAN
from model import STRIDE

# As in `src/track/memory/matches.rs`: cells to each side in which a cell is looked for, matches that vote, and the step in cosine
# that makes a vote e times smaller.
REACH, BEST, TEMPERATURE = 6, 8, 0.05
# The share of steps in which a cell is looked for anywhere.
ANYWHERE = 0.3


def moved(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel of a second view of `shape` (h, w) lies in the first: x and y, float32 [h, w]."""
    h, w = shape
    angle, scale = np.deg2rad(rng.normal(0, 5)), float(np.exp(rng.normal(0, 0.08)))
    far = (REACH - 1) * STRIDE
    dx, dy = np.clip(rng.normal(0, far / 2, 2), -far, far)
    y, x = np.mgrid[:h, :w].astype(np.float32)
    x, y = x - w / 2, y - h / 2
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    bend = cv2.resize(rng.normal(0, rng.uniform(0, 6), (4, 4, 2)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)
    mx, my = c * x - s * y + w / 2 + dx + bend[:, :, 0], s * x + c * y + h / 2 + dy + bend[:, :, 1]
    return mx.astype(np.float32), my.astype(np.float32)


def second_view(
    rng: np.random.Generator, image: np.ndarray, ids: np.ndarray, valid: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image [h, w, 3], ids and valid [h, w] as a later frame might show them."""
    x, y = moved(rng, ids.shape)
    fill = tuple(float(v) for v in MEAN * 255)
    picture = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=fill)
    names = cv2.remap(ids, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    known = cv2.remap(valid.astype(np.uint8), x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return picture, names, known.astype(bool)


def near(h: int, w: int) -> Tensor:
    """Which of h * w cells lie within `REACH` of which: bool [h * w, h * w]."""
    y, x = (torch.arange(h * w) // w, torch.arange(h * w) % w)
    return ((y[:, None] - y[None]).abs() <= REACH) & ((x[:, None] - x[None]).abs() <= REACH)


def match_loss(embedding: Tensor, masks: Tensor, valid: Tensor, anywhere: bool) -> Tensor:
    """Cross-entropy and dice of the votes between two views, both ways.

    embedding [2 P, C, h, w], views of a pair one after the other; masks [2 P, K, h, w], the shares of cells inside; valid
    [2 P, h, w] 0 or 1.
    """
    views, _, h, w = embedding.shape
    mean = (embedding * valid[:, None]).sum((2, 3), keepdim=True) / (valid.sum((1, 2))[:, None, None, None] + 1)
    unit = F.normalize(embedding - mean, dim=1).flatten(2)
    inside, known = masks.flatten(2), valid.flatten(1)
    reach = None if anywhere else near(h, w)
    losses = []
    for here, there in ((n, n ^ 1) for n in range(views)):
        cosine = unit[here].T @ unit[there]
        cosine = cosine.masked_fill(known[there][None] < 0.5, -2.0)
        if reach is not None:
            cosine = cosine.masked_fill(~reach, -2.0)
        best, at = cosine.topk(BEST, 1)
        weights = ((best - 1) / TEMPERATURE).exp()
        votes = (weights[None] * inside[there][:, at]).sum(2) / (weights.sum(1) + 1e-6)
        votes = votes.clamp(1e-3, 1 - 1e-3)
        truth = inside[here]
        # Cells near the object count for as much as all others: those far off are decided at once.
        around = F.max_pool2d(truth.view(-1, 1, h, w), 7, 1, 3).flatten(1)
        weight = known[here] * (0.05 + around)
        each = F.binary_cross_entropy(votes, truth, reduction="none")
        entropy = (each * weight).sum(1) / (weight.sum(1) + 1)
        both, either = (votes * truth * known[here]).sum(1), ((votes + truth) * known[here]).sum(1)
        losses.append((entropy + 1 - (2 * both + 1) / (either + 1)).mean())
    return torch.stack(losses).mean()
