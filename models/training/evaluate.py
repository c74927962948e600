"""Measures exported files on a photo set with the interactive-segmentation protocol (RITM), on ONNX Runtime.

The next click is the deepest point of the larger error; ignored pixels (128) count neither as right nor as
wrong.

With `--likeness` no decoder is asked: what looks like the cell that was clicked on, by the angle of the encoder's features,
with the best threshold for each object.
"""

import argparse
import re
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from data import DATA_ROOT, MEAN, STD
from model import STRIDE
from prompts import BOX, NEGATIVE, POSITIVE, Box, box_map, click_map


class Model:
    """An exported model with the prompts of one object; coordinates are pixels of the photo."""

    def __init__(self, folder: Path, side: int) -> None:
        self.encoder = self.session(folder / "foveate-encoder.onnx")
        self.decoder = self.session(folder / "foveate-decoder.onnx")
        self.side = side

    @staticmethod
    def session(path: Path) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def set_image(self, rgb: np.ndarray) -> None:
        """Encodes a photo [h, w, 3] uint8, letterboxed at the top-left, and forgets the prompts."""
        h, w = rgb.shape[:2]
        self.frame, self.scale = (h, w), self.side / max(h, w)
        self.content = (max(1, round(h * self.scale)), max(1, round(w * self.scale)))
        small = cv2.resize(rgb, self.content[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        image = np.zeros((self.side, self.side, 3), np.float32)
        image[: self.content[0], : self.content[1]] = (small - MEAN) / STD
        names = [output.name for output in self.encoder.get_outputs()]
        found = dict(zip(names, self.encoder.run(names, {"image": image.transpose(2, 0, 1)[None]}), strict=True))
        self.features = found["embedding"], found["skip"]
        self.likeness = found.get("likeness", found["embedding"])[0]
        self.reset()

    def like(self, x: float, y: float) -> np.ndarray:
        """The cosine of every pixel's features with those of the cell at (x, y): [h, w] at the photo's size."""
        unit = self.likeness / np.linalg.norm(self.likeness, axis=0, keepdims=True)
        column, row = (int(v * self.scale / STRIDE) for v in (x, y))
        cosine = np.einsum("chw,c->hw", unit, unit[:, min(row, unit.shape[1] - 1), min(column, unit.shape[2] - 1)])
        full = cv2.resize(cosine, (self.side, self.side), interpolation=cv2.INTER_LINEAR)
        return cv2.resize(full[: self.content[0], : self.content[1]], self.frame[::-1])

    def reset(self) -> None:
        """Forgets the prompts."""
        self.maps = np.zeros((1, 3, self.side // 4, self.side // 4), np.float32)
        self.prior = np.zeros((1, 1, self.side // 2, self.side // 2), np.float32)

    def click(self, x: float, y: float, positive: bool) -> None:
        click_map(self.maps[0, POSITIVE if positive else NEGATIVE], x * self.scale, y * self.scale)

    def box(self, box: Box) -> None:
        x0, y0, x1, y1 = (v * self.scale for v in box)
        box_map(self.maps[0, BOX], (x0, y0, x1, y1))

    def predict(self) -> list[np.ndarray]:
        """Masks at the photo's size, best first; the best one's logits become the next round's prior."""
        embedding, skip = self.features
        feeds = {"embedding": embedding, "skip": skip, "prompt_maps": self.maps, "mask_input": self.prior}
        logits, iou = self.decoder.run(["logits", "iou"], feeds)
        order = np.argsort(-iou[0])
        self.prior = logits[:, order[0]][:, None]
        masks = []
        for c in order:
            full = cv2.resize(logits[0, c], (self.side, self.side), interpolation=cv2.INTER_LINEAR)
            masks.append(cv2.resize(full[: self.content[0], : self.content[1]], self.frame[::-1]) > 0)
        return masks


def iou_of(mask: np.ndarray, truth: np.ndarray, valid: np.ndarray) -> float:
    """IoU over the valid pixels; 1 where both masks are empty. All bool [h, w]."""
    either = ((mask | truth) & valid).sum()
    return float((mask & truth & valid).sum() / either) if either else 1.0


def exact_depth(region: np.ndarray) -> np.ndarray:
    """Exact distance to the rim of `region`, as the protocol has it."""
    return cv2.distanceTransform(np.pad(region, 1).astype(np.uint8), cv2.DIST_L2, 0)[1:-1, 1:-1]


def next_click(mask: np.ndarray, truth: np.ndarray, valid: np.ndarray) -> tuple[float, float, bool]:
    """The protocol's click (x, y, positive)."""
    missed, extra = exact_depth(truth & ~mask & valid), exact_depth(~truth & mask & valid)
    chosen, positive = (missed, True) if missed.max() > extra.max() else (extra, False)
    y, x = np.unravel_index(chosen.argmax(), chosen.shape)
    return x + 0.5, y + 0.5, positive


def load_case(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Photo [h, w, 3] RGB, truth and valid (bool [h, w]) of one mask file."""
    raw = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    # A suffix tells objects of one photo apart.
    stems = (path.stem, re.sub(r"[ab]$", "", path.stem), re.sub(r"#\d+$", "", path.stem))
    images = path.parents[1] / "images"
    image = next(f for s in stems for e in (".jpg", ".png") if (f := images / (s + e)).exists())
    rgb = cv2.imread(str(image))[:, :, ::-1]
    if set(np.unique(raw)) <= {0, 128, 255}:
        return rgb, raw == 255, raw != 128
    return rgb, raw > 127, np.ones(raw.shape, bool)


def measure(
    model: Model, rgb: np.ndarray, truth: np.ndarray, valid: np.ndarray, clicks: int
) -> tuple[list[float], float, float]:
    """IoU after each click, the best of three after the first, and IoU of the tight box."""
    model.set_image(rgb)
    mask, curve, oracle = np.zeros_like(truth), [], 0.0
    for n in range(clicks):
        model.click(*next_click(mask, truth, valid))
        masks = model.predict()
        mask = masks[0]
        curve.append(iou_of(mask, truth, valid))
        if n == 0:
            oracle = max(iou_of(m, truth, valid) for m in masks)
    model.reset()
    ys, xs = np.nonzero(truth)
    model.box((xs.min(), ys.min(), xs.max() + 1, ys.max() + 1))
    return curve, oracle, iou_of(model.predict()[0], truth, valid)


def likeness_of(model: Model, rgb: np.ndarray, truth: np.ndarray, valid: np.ndarray) -> float:
    """The best IoU of any threshold on the cosine with the cell of the protocol's first click."""
    model.set_image(rgb)
    x, y, _ = next_click(np.zeros_like(truth), truth, valid)
    cosine = model.like(x, y)
    thresholds = np.quantile(cosine[valid], np.linspace(0, 1, 200))
    return max(iou_of(cosine > t, truth, valid) for t in thresholds)


def clicks_to(curves: np.ndarray, target: float) -> float:
    """Mean number of clicks to reach an IoU; curves [objects, clicks], never reached counts as all clicks."""
    reached = curves >= target
    return float(np.where(reached.any(1), reached.argmax(1) + 1, curves.shape[1]).mean())


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--model", type=Path, required=True, help="folder with the two exported files")
    p.add_argument(
        "--data", type=Path, default=DATA_ROOT / "eval/grabcut", help="folder with images/ and masks/"
    )
    p.add_argument("--side", type=int, default=256)
    p.add_argument("--clicks", type=int, default=20)
    p.add_argument("--limit", type=int, help="measure only the first objects")
    p.add_argument("--likeness", action="store_true", help="measure the features alone")
    args = p.parse_args()
    model = Model(args.model, args.side)
    paths = sorted((args.data / "masks").iterdir())[: args.limit]
    if args.likeness:
        found = [likeness_of(model, *load_case(path)) for path in paths]
        print(f"{args.data.name}: {len(found)} objects, alike {np.mean(found):.3f} at {args.side}")
        return
    rows = [measure(model, *load_case(path), args.clicks) for path in paths]
    curves, oracle, boxes = (np.array(column) for column in zip(*rows, strict=True))
    print(
        f"{args.data.name}: {len(curves)} objects, 1 click {curves[:, 0].mean():.3f} "
        f"(best of three {oracle.mean():.3f}), box {boxes.mean():.3f}, NoC85 {clicks_to(curves, 0.85):.2f}, "
        f"NoC90 {clicks_to(curves, 0.90):.2f}, by click {curves.mean(0)[:8].round(3)}"
    )


if __name__ == "__main__":
    main()
