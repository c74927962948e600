"""Training samples: photographs with id maps, cached once, augmented and composited on the fly."""

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

LONG_SIDE = 352
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
# How often a source is drawn, per photo, relative to a COCO photo.
WEIGHTS = {"coco_mval": 1.0, "coco_panoptic": 1.5, "ecssd": 1.2, "bsds": 1.2, "davis_frames": 1.0, "camvid": 0.3}
OPEN_WEIGHT, OPEN_COCO_WEIGHT, EXTRA_WEIGHT = 0.25, 1.0, 0.6


@dataclass
class Photo:
    """A cached photo: `image` [h, w, 3] RGB, one or more id maps [h, w], and how it may be used."""

    image: np.ndarray
    masks: list[np.ndarray]
    source: str
    kind: str
    weight: float


def shrink(image: np.ndarray, interpolation: int) -> np.ndarray:
    h, w = image.shape[:2]
    scale = min(1.0, LONG_SIDE / max(h, w))
    if scale == 1.0:
        return image
    return cv2.resize(image, (max(1, round(w * scale)), max(1, round(h * scale))), interpolation=interpolation)


def components(ids: np.ndarray) -> np.ndarray:
    """Connected parts of each class as ids of their own (a class is not an instance); small parts become 0."""
    out, n = np.zeros_like(ids), 0
    for value in np.unique(ids):
        if value in (0, 255):
            continue
        count, labels, stats, _ = cv2.connectedComponentsWithStats((ids == value).astype(np.uint8))
        for part in range(1, count):
            if stats[part, cv2.CC_STAT_AREA] > 0.002 * ids.size and n < 250:
                n += 1
                out[labels == part] = n
    return out


def weight_of(source: str) -> float:
    if source in WEIGHTS:
        return WEIGHTS[source]
    return OPEN_COCO_WEIGHT if "coco" in source.lower() else OPEN_WEIGHT


def load_photos(root: Path, extra: Path | None = None) -> list[Photo]:
    photos = []
    entries = json.loads((root / "train/manifest.json").read_text())
    if extra is not None:
        for image in sorted((extra / "images").iterdir()):
            mask = extra / "masks" / f"{image.stem}.png"
            entries.append({"image": str(image), "masks": [str(mask)], "source": "extra", "kind": "instances"})
    for entry in entries:
        image = cv2.imread(str(root / entry["image"]))
        if image is None:
            continue
        image = shrink(image[:, :, ::-1], cv2.INTER_AREA)
        masks = []
        for path in entry.get("masks") or []:
            ids = cv2.imread(str(root / path), cv2.IMREAD_UNCHANGED)
            if ids is None:
                continue
            ids = ids if ids.ndim == 2 else ids[:, :, 0]
            ids = cv2.resize(ids, image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
            masks.append(components(ids) if entry["kind"] == "semantic-11class" else ids)
        weight = EXTRA_WEIGHT if entry["source"] == "extra" else weight_of(entry["source"])
        photos.append(Photo(np.ascontiguousarray(image), masks, entry["source"], entry["kind"], weight if masks else 0.0))
    return photos


def warp_matrix(rng: np.random.Generator, h: int, w: int, side: int, plain: bool) -> np.ndarray:
    """Affine map from a photo to the input: letterboxed at the top-left when plain, else a random crop around it."""
    base = side / max(h, w)
    if plain:
        return np.array([[base, 0, 0], [0, base, 0]], np.float64)
    zoom = base * float(np.exp(rng.uniform(np.log(0.75), np.log(2.2))))
    aspect = float(np.exp(rng.uniform(-0.2, 0.2)))
    sx, sy = zoom * aspect, zoom / aspect
    angle = np.deg2rad(rng.normal(0, 8)) if rng.random() < 0.4 else 0.0
    c, s = np.cos(angle), np.sin(angle)
    a = np.array([[c * sx, -s * sy], [s * sx, c * sy]])
    if rng.random() < 0.5:
        a[:, 0] *= -1
    corners = a @ np.array([[0, w, 0, w], [0, 0, h, h]], np.float64)
    low, high = corners.min(1), corners.max(1)
    extent = high - low
    # Where the picture is larger than the input choose the crop, where it is smaller put it at the top-left.
    shift = -low - np.where(extent > side, rng.random(2) * (extent - side), 0.0)
    return np.concatenate([a, shift[:, None]], 1)


def camera(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """What boards' cameras do to a picture: exposure, white balance, blur, noise, JPEG. float32 [h, w, 3] in 0..255."""
    gain = np.exp(rng.normal(0, 0.2)) * np.exp(rng.normal(0, 0.08, 3))
    image = image * gain.astype(np.float32)
    if rng.random() < 0.5:
        image = (image - 128) * np.float32(np.exp(rng.normal(0, 0.25))) + 128
    if rng.random() < 0.3:
        grey = image.mean(2, keepdims=True)
        image = grey + (image - grey) * np.float32(rng.uniform(0.0, 1.6))
    if rng.random() < 0.12:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.3))
    elif rng.random() < 0.08:
        n = int(rng.integers(3, 8))
        kernel = np.zeros((n, n), np.float32)
        cv2.line(kernel, (0, int(rng.integers(n))), (n - 1, int(rng.integers(n))), 1.0)
        image = cv2.filter2D(image, -1, kernel / kernel.sum())
    if rng.random() < 0.25:
        image = image + rng.normal(0, rng.uniform(2, 14), image.shape).astype(np.float32)
    image = np.clip(image, 0, 255)
    if rng.random() < 0.12:
        _, code = cv2.imencode(".jpg", image.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))])
        image = cv2.imdecode(code, cv2.IMREAD_COLOR).astype(np.float32)
    return image


class Sampler:
    """Draws training samples: image [3, side, side] float32 normalised, masks [K, side, side] bool, valid [side, side]."""

    def __init__(self, photos: list[Photo], side: int, seed: int, masks_per_image: int) -> None:
        self.photos, self.side, self.k = photos, side, masks_per_image
        self.rng = np.random.default_rng(seed)
        self.labelled = [p for p in photos if p.weight > 0]
        weights = np.array([p.weight for p in self.labelled])
        self.cumulative = np.cumsum(weights / weights.sum())
        self.cutouts = [p for p in self.labelled if p.kind in ("salient", "instances")]

    def pick(self) -> Photo:
        return self.labelled[min(int(np.searchsorted(self.cumulative, self.rng.random())), len(self.labelled) - 1)]

    def warp(self, image, ids, plain=False):
        h, w = image.shape[:2]
        m = warp_matrix(self.rng, h, w, self.side, plain)
        size = (self.side, self.side)
        fill = tuple(float(v) for v in MEAN * 255)
        out = cv2.warpAffine(image, m, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=fill)
        valid = cv2.warpAffine(np.ones((h, w), np.uint8), m, size, flags=cv2.INTER_NEAREST)
        moved = None if ids is None else cv2.warpAffine(ids, m, size, flags=cv2.INTER_NEAREST)
        return out, moved, valid.astype(bool)

    def paste(self, image, ids, valid):
        """Pastes one cut-out object onto the sample with a blended edge; it becomes a new id, hiding what it covers."""
        rng, source = self.rng, self.cutouts[int(self.rng.integers(len(self.cutouts)))]
        values = [v for v in np.unique(source.masks[0]) if v not in (0, 255)]
        if not values:
            return ids
        mask = source.masks[0] == values[int(rng.integers(len(values)))]
        ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        y0, y1, x0, x1 = ys[0], ys[-1] + 1, xs[0], xs[-1] + 1
        if min(y1 - y0, x1 - x0) < 24 or mask.mean() < 0.01:
            return ids
        want = self.side * float(np.exp(rng.uniform(np.log(0.2), np.log(0.8))))
        scale = want / max(y1 - y0, x1 - x0)
        if scale > 2.0:
            return ids
        size = (max(4, round((x1 - x0) * scale)), max(4, round((y1 - y0) * scale)))
        cut = cv2.resize(source.image[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA)
        alpha = cv2.resize(mask[y0:y1, x0:x1].astype(np.float32), size, interpolation=cv2.INTER_AREA)
        if rng.random() < 0.5:
            cut, alpha = cut[:, ::-1], alpha[:, ::-1]
        vy, vx = np.flatnonzero(valid.any(1))[-1] + 1, np.flatnonzero(valid.any(0))[-1] + 1
        py, px = int(rng.integers(-size[1] // 4, vy - size[1] * 3 // 4 + 1)) if vy > size[1] * 3 // 4 else 0, (
            int(rng.integers(-size[0] // 4, vx - size[0] * 3 // 4 + 1)) if vx > size[0] * 3 // 4 else 0)
        cy, cx = max(0, -py), max(0, -px)
        ey, ex = min(size[1], vy - py), min(size[0], vx - px)
        if ey - cy < 4 or ex - cx < 4:
            return ids
        a = cv2.GaussianBlur(np.ascontiguousarray(alpha), (0, 0), rng.uniform(0.4, 1.0))[cy:ey, cx:ex]
        region = np.s_[py + cy : py + ey, px + cx : px + ex]
        image[region] = image[region] * (1 - a[..., None]) + cut[cy:ey, cx:ex] * a[..., None]
        new = int(ids.max()) + 1 if ids.max() < 250 else 251
        ids[region][alpha[cy:ey, cx:ex] > 0.5] = new
        return ids

    def sample(self):
        while True:
            photo = self.pick()
            rng = self.rng
            ids = photo.masks[int(rng.integers(len(photo.masks)))]
            if rng.random() < 0.12:
                photo = self.photos[int(rng.integers(len(self.photos)))]
                image, _, valid = self.warp(photo.image, None)
                ids = np.zeros(valid.shape, np.uint8)
                image = image.astype(np.float32)
                for _ in range(int(rng.integers(1, 4))):
                    ids = self.paste(image, ids, valid)
            else:
                image, ids, valid = self.warp(photo.image, ids, plain=rng.random() < 0.2)
                image = image.astype(np.float32)
                if photo.kind in ("instances", "salient", "panoptic") and rng.random() < 0.15:
                    ids = self.paste(image, ids.copy(), valid)
            counts = np.bincount(ids.ravel(), minlength=256).astype(np.float64)
            counts[0] = 0
            if photo.source != "bsds":
                counts[255] = 0
            area = counts / max(1, valid.sum())
            usable = np.flatnonzero((area > 0.004) & (area < 0.9))
            if len(usable) == 0:
                continue
            # Large regions teach more about shape, small ones are more; the square root lies between.
            p = np.sqrt(area[usable])
            chosen = rng.choice(usable, self.k, replace=len(usable) < self.k, p=p / p.sum())
            masks = np.stack([ids == v for v in chosen])
            image = camera(rng, image)
            image = (image / 255 - MEAN) / STD
            image[~valid] = 0
            return image.transpose(2, 0, 1).astype(np.float32), masks, valid
