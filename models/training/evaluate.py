"""Measures exported files on a photo set with the interactive-segmentation protocol (RITM), through ONNX Runtime.

The next click is the deepest point of the larger error; ignored pixels (128) count neither as right nor as wrong.
"""

import argparse
import re
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from data import MEAN, STD
from prompts import box_map, click_map


class Model:
    def __init__(self, folder: Path, side: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        load = lambda name: onnxruntime.InferenceSession(str(folder / name), options, providers=["CPUExecutionProvider"])
        self.encoder, self.decoder, self.side = load("encoder.onnx"), load("decoder.onnx"), side

    def set_image(self, rgb: np.ndarray) -> None:
        h, w = rgb.shape[:2]
        self.frame, self.scale = (h, w), self.side / max(h, w)
        self.content = (max(1, round(h * self.scale)), max(1, round(w * self.scale)))
        small = cv2.resize(rgb, self.content[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        image = np.zeros((self.side, self.side, 3), np.float32)
        image[: self.content[0], : self.content[1]] = (small - MEAN) / STD
        self.features = self.encoder.run(None, {"image": image.transpose(2, 0, 1)[None].astype(np.float32)})
        self.reset()

    def reset(self) -> None:
        self.maps = np.zeros((1, 3, self.side // 4, self.side // 4), np.float32)
        self.prior = np.zeros((1, 1, self.side // 2, self.side // 2), np.float32)

    def click(self, x: float, y: float, positive: bool) -> None:
        click_map(self.maps[0, 0 if positive else 1], x * self.scale, y * self.scale)

    def box(self, box) -> None:
        box_map(self.maps[0, 2], tuple(v * self.scale for v in box))

    def predict(self) -> list[np.ndarray]:
        """Masks at the frame's size, best first; the best one's logits become the next round's prior."""
        feeds = {"embedding": self.features[0], "skip": self.features[1], "prompt_maps": self.maps, "mask_input": self.prior}
        logits, iou = self.decoder.run(None, feeds)
        order = np.argsort(-iou[0])
        self.prior = logits[:, order[0]][:, None]
        masks = []
        for c in order:
            full = cv2.resize(logits[0, c], (self.side, self.side), interpolation=cv2.INTER_LINEAR)
            masks.append(cv2.resize(full[: self.content[0], : self.content[1]], self.frame[::-1]) > 0)
        return masks


def iou(mask, truth, valid):
    either = ((mask | truth) & valid).sum()
    return ((mask & truth) & valid).sum() / either if either else 1.0


def next_click(mask, truth, valid):
    depth = lambda r: cv2.distanceTransform(np.pad(r, 1).astype(np.uint8), cv2.DIST_L2, 0)[1:-1, 1:-1]
    missed, extra = depth(truth & ~mask & valid), depth(~truth & mask & valid)
    chosen, positive = (missed, True) if missed.max() > extra.max() else (extra, False)
    y, x = np.unravel_index(chosen.argmax(), chosen.shape)
    return x + 0.5, y + 0.5, positive


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--model", type=Path, required=True)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--side", type=int, default=256)
    p.add_argument("--clicks", type=int, default=20)
    args = p.parse_args()
    model = Model(args.model, args.side)
    curves, oracle, boxes = [], [], []
    for path in sorted((args.data / "masks").iterdir()):
        raw = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        names = [path.stem, re.sub(r"[ab]$", "", path.stem), re.sub(r"#\d+$", "", path.stem)]
        image = next(f for n in names for e in (".jpg", ".png") if (f := args.data / "images" / (n + e)).exists())
        rgb = cv2.imread(str(image))[:, :, ::-1]
        exact = set(np.unique(raw)) <= {0, 128, 255}
        truth, valid = (raw == 255, raw != 128) if exact else (raw > 127, np.ones(raw.shape, bool))
        model.set_image(rgb)
        mask, curve = np.zeros_like(truth), []
        for n in range(args.clicks):
            model.click(*next_click(mask, truth, valid))
            masks = model.predict()
            mask = masks[0]
            curve.append(iou(mask, truth, valid))
            if n == 0:
                oracle.append(max(iou(m, truth, valid) for m in masks))
        curves.append(curve)
        model.reset()
        ys, xs = np.nonzero(truth)
        model.box((xs.min(), ys.min(), xs.max() + 1, ys.max() + 1))
        boxes.append(iou(model.predict()[0], truth, valid))
    curves = np.array(curves)
    noc = lambda t: np.mean([next((i + 1 for i, v in enumerate(c) if v >= t), args.clicks) for c in curves])
    print(f"{args.data.name}: {len(curves)} objects, 1 click {curves[:, 0].mean():.3f} (oracle {np.mean(oracle):.3f}), "
          f"box {np.mean(boxes):.3f}, NoC85 {noc(0.85):.2f}, NoC90 {noc(0.90):.2f}, by click {curves.mean(0)[:8].round(3)}")


if __name__ == "__main__":
    main()
