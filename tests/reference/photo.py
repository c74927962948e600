"""The photo, and how the published predictors bring it to a model and masks back to it.

`photo.png` is Chelsea, by Stéfan van der Walt, as scikit-image has it (CC0), cut and made smaller.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

PHOTO = Path(__file__).parent / "photo.png"
BYTE = (np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375]))  # Segment Anything
UNIT = (np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]))  # Segment Anything 2


def photo():
    return Image.open(PHOTO).convert("RGB")


def resized(width, height):
    """Bilinear with antialiasing, as Pillow's and torchvision's, before levels are rounded to whole ones: random weights make
    much of a level's half."""
    pixels = torch.from_numpy(np.asarray(photo(), np.float32)).permute(2, 0, 1)[None]
    return F.interpolate(pixels, (height, width), mode="bilinear", antialias=True, align_corners=False)[0].numpy()


class Letterbox:
    """segment_anything's `ResizeLongestSide` and `Sam.preprocess`: padded after normalisation."""

    name = "letterbox"

    def __init__(self, side):
        self.side = side
        width, height = photo().size
        scale = side / max(width, height)
        self.width, self.height = int(width * scale + 0.5), int(height * scale + 0.5)

    def tensor(self):
        mean, std = (values[:, None, None] for values in BYTE)
        out = np.zeros((1, 3, self.side, self.side), np.float32)
        out[0, :, : self.height, : self.width] = (resized(self.width, self.height) - mean) / std
        return out

    def point(self, x, y, plane):
        """A point of the photo's plane on the decoder's; exports add one half to what they take for pixels' indices."""
        width, height = photo().size
        scale = plane / self.side
        return [x * self.width / width * scale - 0.5, y * self.height / height * scale - 0.5]

    def mask(self, logits):
        """`Sam.postprocess_masks` in one step instead of two: it goes to the model's input, crops, and goes on to the photo.
        From 256 cells that is the same; from the 32 of these small models, whose neighbours are of all signs, it is not."""
        width, height = photo().size

        def axis(pixels, content, cells):
            shown = -(-content * cells // self.side)
            at = np.clip((np.arange(pixels) + 0.5) * content / pixels * cells / self.side - 0.5, 0, shown - 1)
            first = np.floor(at).astype(int)
            return first, np.minimum(first + 1, shown - 1), at - first

        x0, x1, across = axis(width, self.width, logits.shape[1])
        y0, y1, down = axis(height, self.height, logits.shape[0])
        rows = logits[y0] * (1 - down)[:, None] + logits[y1] * down[:, None]
        return rows[:, x0] * (1 - across) + rows[:, x1] * across > 0


class Stretch:
    """sam2's `SAM2Transforms`."""

    name = "stretch"

    def __init__(self, side):
        self.side = side

    def tensor(self):
        mean, std = (values[:, None, None] for values in UNIT)
        return ((resized(self.side, self.side) / 255 - mean) / std)[None].astype(np.float32)

    def point(self, x, y, plane):
        width, height = photo().size
        return [x / width * plane - 0.5, y / height * plane - 0.5]

    def mask(self, logits):
        width, height = photo().size
        low = torch.from_numpy(np.ascontiguousarray(logits))[None, None]
        return F.interpolate(low, (height, width), mode="bilinear", align_corners=False)[0, 0].numpy() > 0
