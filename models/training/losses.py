"""The training loss: mask quality of three candidates and how well their IoU is predicted."""

import torch
import torch.nn.functional as F
from torch import Tensor

FOCAL, ALL_CANDIDATES, IOU = 8.0, 0.06, 3.0


def half(mask: Tensor) -> Tensor:
    """Fraction of set pixels in each 2x2 cell, the decoder's resolution: [..., H, W] to [..., H/2, W/2]."""
    return F.avg_pool2d(mask, 2)


def mask_loss(logits: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """Focal, cross-entropy and dice of each candidate: [n, 3, h, w] against [n, 1, h, w] to [n, 3]."""
    p = torch.sigmoid(logits)
    ce = F.binary_cross_entropy_with_logits(logits, truth.expand_as(logits), reduction="none")
    certainty = p * truth + (1 - p) * (1 - truth)
    area = valid.sum((2, 3)) + 1
    focal = (ce * (1 - certainty).square() * valid).sum((2, 3)) / area
    bce = (ce * valid).sum((2, 3)) / area
    inter = (p * truth * valid).sum((2, 3))
    dice = 1 - (2 * inter + 1) / (((p + truth) * valid).sum((2, 3)) + 1)
    return FOCAL * focal + bce + dice


@torch.no_grad()
def mask_iou(logits: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """IoU of each candidate, cut at logit 0, over the valid cells: [n, 3]."""
    hard, t = (logits > 0) & (valid > 0), (truth > 0.5) & (valid > 0)
    return (hard & t).sum((2, 3)).float() / ((hard | t).sum((2, 3)).float() + 1e-6)


def iou_loss(iou: Tensor, real: Tensor) -> Tensor:
    """Cross-entropy of predicted and real IoU [n, 3], each row's mean: [n].

    Its minimum is the expected IoU, so that the best-ranked candidate is the one that is best on average where
    a prompt can mean several things. An absolute difference would ask for the median.
    """
    return F.binary_cross_entropy(iou.clamp(1e-4, 1 - 1e-4), real, reduction="none").mean(1)


def loss_of(
    logits: Tensor, iou: Tensor, truth: Tensor, valid: Tensor, ranks: Tensor
) -> tuple[Tensor, Tensor]:
    """The loss (a scalar) and each candidate's real IoU [n, 3].

    logits [n, 3, h, w], iou [n, 3] as predicted, truth [n, 1, h, w] in 0..1, valid [n, 1, h, w] 0 or 1, ranks
    [n]: how much an object counts for the prediction of IoU. Only the best candidate carries the full mask
    loss, so that the three may differ (part, object, group); the small share of the others keeps them from
    dying.
    """
    each = mask_loss(logits, truth, valid)
    real = mask_iou(logits, truth, valid)
    best = each.argmin(1, keepdim=True)
    loss = each.gather(1, best).mean() + ALL_CANDIDATES * each.mean() + IOU * (iou_loss(iou, real) * ranks).mean()
    return loss, real
