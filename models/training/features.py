"""The teacher's features as targets: photos' cached tokens moved as the photos are, and the loss against them."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from model import LIKE, STRIDE


class Targets:
    """Cached tokens (see `teacher.py`) of the photos, less the mean of all, which says nothing."""

    def __init__(self, grids: list[np.ndarray | None]) -> None:
        """Grids [rows, columns, channels] in half floats, None for photos without; kept as [LIKE, rows, columns]."""
        found = [g[:, :, :LIKE] for g in grids if g is not None]
        self.mean = np.mean([g.reshape(-1, LIKE).mean(0, dtype=np.float64) for g in found], 0).astype(np.float32)

    def of(self, grid: np.ndarray, size: tuple[int, int], m: np.ndarray, shape: tuple[int, int]) -> Tensor:
        """Unit vectors [LIKE, h/8, w/8] at the cells of an input of `shape` (h, w) pixels.

        `size` (w, h) is the photo's, `m` [2, 3] the affine map from its pixels to the input's. Cells beyond the photo get
        what lies nearest.
        """
        rows, columns = (np.arange(side // STRIDE) * STRIDE + (STRIDE - 1) / 2 for side in shape)
        x, y = np.meshgrid(columns, rows)
        back = np.linalg.inv(np.vstack([m, [0, 0, 1]]))
        px = back[0, 0] * x + back[0, 1] * y + back[0, 2]
        py = back[1, 0] * x + back[1, 1] * y + back[1, 2]
        places = np.stack([(2 * px + 1) / size[0] - 1, (2 * py + 1) / size[1] - 1], 2).astype(np.float32)
        tokens = torch.from_numpy(grid[:, :, :LIKE].astype(np.float32) - self.mean).permute(2, 0, 1)[None]
        moved = F.grid_sample(tokens, torch.from_numpy(places)[None], padding_mode="border", align_corners=False)
        return F.normalize(moved[0], dim=0)


def cached(folder: Path, image: str) -> Path:
    """Where the targets of the manifest's photo `image` lie."""
    return folder / f"{image.replace('/', '__')}.npy"


def load_grids(folder: Path, names: list[str]) -> list[np.ndarray | None]:
    """The cached grids of the manifest's photos `names`, None for what the cache does not hold."""
    grids = [np.load(path) if (path := cached(folder, name)).exists() else None for name in names]
    if all(grid is None for grid in grids):
        raise SystemExit(f"{folder} has no features of these photos: teacher.py fills it")
    return grids


def feature_loss(likeness: Tensor, targets: Tensor, known: Tensor) -> Tensor:
    """One less the mean cosine over the known cells: likeness and targets [B, LIKE, h, w], known [B, h, w] 0 or 1."""
    cosine = (F.normalize(likeness.float(), dim=1) * targets).sum(1)
    return ((1 - cosine) * known).sum() / (known.sum() + 1)
