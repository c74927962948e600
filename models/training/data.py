"""Training samples: photographs with id maps, cached once, augmented and composited on the fly."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

# `../shared/data` seen from the repository's root.
DATA_ROOT = Path(__file__).resolve().parents[3] / "shared/data"
LONG_SIDE = 640
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
UNKNOWN = 255
# How often a source is drawn, per photo, relative to a COCO photo.
WEIGHTS = {
    "coco_mval": 1.0,
    "coco_panoptic": 1.5,
    "ecssd": 1.2,
    "bsds": 1.2,
    "davis_frames": 1.0,
    "camvid": 0.3,
}
OPEN_WEIGHT, OPEN_COCO_WEIGHT, EXTRA_WEIGHT = 0.25, 1.0, 0.45
# Clean labels of whole objects: what a held-out figure may be measured on.
VALIDATION_SOURCES = ("coco_mval", "coco_panoptic", "ecssd", "davis_frames")

# Least share of the input that an object may have, and the power of the area by which objects are drawn.
SMALLEST, SIZE_POWER = 0.002, 0.4

# How much a photo's labels say about which candidate a person means: a region is seldom what a click is for.
REGION_RANKS = 0.15

Shape = tuple[int, int]
# An object cut out of a photo: image [h, w, 3] and alpha [h, w].
Cutout = tuple[np.ndarray, np.ndarray]
# What pasting changes: image [h, w, 3], ids, valid and covered [h, w].
View = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
# From a generator, image, ids and valid to those of a later frame.
SecondView = Callable[[np.random.Generator, np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


@dataclass
class Photo:
    """A cached photo: `image` [h, w, 3] RGB uint8, `masks` (id maps [h, w] uint8), and how it may be used.

    `weight` is how often it is drawn, 0 without labels; `name` is the manifest's; `grid` the teacher's tokens (see
    `teacher.py`), if they are asked for.
    """

    image: np.ndarray
    masks: list[np.ndarray]
    source: str
    kind: str
    weight: float
    name: str
    grid: np.ndarray | None = None

    @property
    def ranks(self) -> np.float32:
        """The weight of its objects in the loss of predicted IoU."""
        return np.float32(REGION_RANKS if self.kind == "regions" else 1.0)


def shrink(image: np.ndarray) -> np.ndarray:
    """The image with its long side at most `LONG_SIDE` pixels."""
    h, w = image.shape[:2]
    scale = min(1.0, LONG_SIDE / max(h, w))
    if scale == 1.0:
        return image
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def components(ids: np.ndarray) -> np.ndarray:
    """Connected parts of each class as ids of their own (a class is no instance); small parts become 0."""
    out, n = np.zeros_like(ids), 0
    for value in np.unique(ids):
        if value in (0, UNKNOWN):
            continue
        count, labels, stats, _ = cv2.connectedComponentsWithStats((ids == value).astype(np.uint8))
        for part in range(1, count):
            if stats[part, cv2.CC_STAT_AREA] > 0.002 * ids.size and n < 250:
                n += 1
                out[labels == part] = n
    return out


def weight_of(source: str) -> float:
    """How often a photo of `source` is drawn."""
    if source == "extra":
        return EXTRA_WEIGHT
    if source in WEIGHTS:
        return WEIGHTS[source]
    return OPEN_COCO_WEIGHT if "coco" in source.lower() else OPEN_WEIGHT


def extra_entries(folder: Path) -> list[dict]:
    """Manifest entries of a folder with `images/` and id maps `masks/` of the same stems."""
    return [
        {
            "image": str(path),
            "masks": [str(folder / "masks" / f"{path.stem}.png")],
            "source": "extra",
            "kind": "instances",
        }
        for path in sorted((folder / "images").iterdir())
    ]


def read_ids(path: Path, size: tuple[int, int], kind: str) -> np.ndarray | None:
    """An id map [h, w] at `size` (w, h), or None if it cannot be read."""
    ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if ids is None:
        return None
    ids = ids if ids.ndim == 2 else ids[:, :, 0]
    ids = cv2.resize(ids, size, interpolation=cv2.INTER_NEAREST)
    return components(ids) if kind == "semantic-11class" else ids


def load_photos(root: Path, extra: Path | None = None, limit: int | None = None) -> list[Photo]:
    """Every readable photo of `root/train/manifest.json` and of `extra`, in that order.

    `limit` keeps that many labelled entries spread evenly over the manifest, for tests.
    """
    entries = json.loads((root / "train/manifest.json").read_text())
    if extra is not None:
        entries += extra_entries(extra.resolve())
    if limit is not None:
        entries = [e for e in entries if e.get("masks")]
        entries = entries[:: max(1, len(entries) // limit)][:limit]
    photos = []
    for entry in entries:
        image = cv2.imread(str(root / entry["image"]))
        if image is None:
            continue
        image = np.ascontiguousarray(shrink(image[:, :, ::-1]))
        size = image.shape[1::-1]
        found = (read_ids(root / path, size, entry["kind"]) for path in entry.get("masks") or [])
        masks = [ids for ids in found if ids is not None]
        weight = weight_of(entry["source"]) if masks else 0.0
        photos.append(Photo(image, masks, entry["source"], entry["kind"], weight, entry["image"]))
    return photos


def split(photos: list[Photo]) -> tuple[list[Photo], list[Photo]]:
    """Training and held-out photos; the same thirtieth is held out in every run, with an extra set or without."""
    own = [i for i, p in enumerate(photos) if p.source != "extra"]
    order = np.random.default_rng(0).permutation(len(own))
    held = {own[i] for i in order[: max(1, len(own) // 30)]}
    train = [p for i, p in enumerate(photos) if i not in held]
    clean = (p for i, p in enumerate(photos) if i in held)
    return train, [p for p in clean if p.source in VALIDATION_SOURCES or "coco" in p.source.lower()]


def normalise(image: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Pixels [h, w, 3] in 0..255 to the encoder's input float32 [3, h, w]; 0 outside `valid` [h, w]."""
    out = (image.astype(np.float32) / 255 - MEAN) / STD
    out[~valid] = 0
    return out.transpose(2, 0, 1).astype(np.float32)


def warp_matrix(rng: np.random.Generator, h: int, w: int, shape: Shape, plain: bool) -> np.ndarray:
    """Affine map [2, 3] from a photo's pixels to those of an input of `shape` (h, w): letterboxed when plain, else random."""
    base, filling = sorted((shape[0] / h, shape[1] / w))
    if plain:
        return np.array([[base, 0, 0], [0, base, 0]], np.float64)
    # Inputs of another aspect than the photo's are mostly filled.
    base *= (filling / base) ** rng.random()
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
    room = extent - np.array(shape[::-1])
    shift = -low - np.where(room > 0, rng.random(2) * room, 0.0)
    return np.concatenate([a, shift[:, None]], 1)


def camera(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """What boards' cameras do: exposure, white balance, blur, noise, JPEG. float32 [h, w, 3] in 0..255."""
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
        image = motion_blur(rng, image)
    if rng.random() < 0.25:
        image = image + rng.normal(0, rng.uniform(2, 14), image.shape).astype(np.float32)
    image = np.clip(image, 0, 255)
    if rng.random() < 0.12:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))]
        _, code = cv2.imencode(".jpg", image.astype(np.uint8), quality)
        image = cv2.imdecode(code, cv2.IMREAD_COLOR).astype(np.float32)
    return image


def motion_blur(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Blurs along a straight line of 3 to 7 pixels."""
    n = int(rng.integers(3, 8))
    kernel = np.zeros((n, n), np.float32)
    cv2.line(kernel, (0, int(rng.integers(n))), (n - 1, int(rng.integers(n))), 1.0)
    return cv2.filter2D(image, -1, kernel / kernel.sum())


@dataclass
class Sample:
    """What is drawn: image [3, h, w] float32 normalised, masks [K, h, w] bool, valid [h, w] bool.

    `photo` was moved by `m` [2, 3]; `covered` [h, w] bool is what pasted objects hide of it.
    """

    image: np.ndarray
    masks: np.ndarray
    valid: np.ndarray
    photo: Photo
    m: np.ndarray
    covered: np.ndarray


class Sampler:
    """Draws training samples of `shape` (h, w) pixels with `masks_per_image` (K) objects each."""

    def __init__(self, photos: list[Photo], shape: Shape, seed: int, masks_per_image: int) -> None:
        self.photos, self.shape, self.k = photos, shape, masks_per_image
        self.rng = np.random.default_rng(seed)
        self.labelled = [p for p in photos if p.weight > 0]
        weights = np.array([p.weight for p in self.labelled])
        self.cumulative = np.cumsum(weights / weights.sum())
        self.cutouts = [p for p in self.labelled if p.kind in ("salient", "instances")]

    def pick(self) -> Photo:
        """A labelled photo, by weight."""
        at = int(np.searchsorted(self.cumulative, self.rng.random()))
        return self.labelled[min(at, len(self.labelled) - 1)]

    def warp(
        self, image: np.ndarray, ids: np.ndarray | None, plain: bool = False
    ) -> tuple[np.ndarray, np.ndarray | None, np.ndarray, np.ndarray]:
        """Image and id map moved to the shape, where the photo lies (bool [h, w]), and the map that moved them."""
        h, w = image.shape[:2]
        m = warp_matrix(self.rng, h, w, self.shape, plain)
        size = self.shape[::-1]
        fill = tuple(float(v) for v in MEAN * 255)
        out = cv2.warpAffine(
            image, m, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=fill
        )
        valid = cv2.warpAffine(np.ones((h, w), np.uint8), m, size, flags=cv2.INTER_NEAREST)
        moved = None if ids is None else cv2.warpAffine(ids, m, size, flags=cv2.INTER_NEAREST)
        return out, moved, valid.astype(bool), m

    def cutout(self, least: float = 0.2) -> Cutout | None:
        """An object cut to its box and resized to `least` to 0.8 of the input's shorter side; None if it is unfit."""
        rng = self.rng
        source = self.cutouts[int(rng.integers(len(self.cutouts)))]
        values = [v for v in np.unique(source.masks[0]) if v not in (0, UNKNOWN)]
        if not values:
            return None
        mask = source.masks[0] == values[int(rng.integers(len(values)))]
        ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        y0, y1, x0, x1 = ys[0], ys[-1] + 1, xs[0], xs[-1] + 1
        if min(y1 - y0, x1 - x0) < 24 or mask.mean() < 0.01:
            return None
        want = min(self.shape) * float(np.exp(rng.uniform(np.log(least), np.log(0.8))))
        scale = want / max(y1 - y0, x1 - x0)
        if scale > 2.0:
            return None
        size = (max(4, round((x1 - x0) * scale)), max(4, round((y1 - y0) * scale)))
        cut = cv2.resize(source.image[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA)
        alpha = cv2.resize(mask[y0:y1, x0:x1].astype(np.float32), size, interpolation=cv2.INTER_AREA)
        return (cut[:, ::-1], alpha[:, ::-1]) if rng.random() < 0.5 else (cut, alpha)

    def place(self, extent: int, size: int) -> int:
        """Where `size` pixels begin along an axis of `extent`, about a quarter of them cut off at most."""
        if extent <= size * 3 // 4:
            return 0
        return int(self.rng.integers(-size // 4, extent - size * 3 // 4 + 1))

    def paste(self, image: np.ndarray, ids: np.ndarray, valid: np.ndarray, covered: np.ndarray) -> None:
        """Pastes a cut-out with a blended edge, in place; it becomes a new id and hides what it covers."""
        made = self.cutout()
        if made is not None:
            new = int(ids.max()) + 1 if ids.max() < 250 else 251
            self.blend((image, ids, valid, covered), made, self.spot(valid, made), new)

    def spot(self, valid: np.ndarray, made: Cutout) -> tuple[int, int]:
        """Row and column where a cut-out begins on the photo."""
        h, w = made[1].shape
        return self.place(np.flatnonzero(valid.any(1))[-1] + 1, h), self.place(np.flatnonzero(valid.any(0))[-1] + 1, w)

    def blend(self, view: View, made: Cutout, at: tuple[int, int], new: int) -> None:
        """Blends a cut-out into image, ids, valid and covered of `view`, in place, as far as it lies on the photo."""
        (image, ids, valid, covered), (cut, alpha), (py, px) = view, made, at
        h, w = alpha.shape
        vy, vx = np.flatnonzero(valid.any(1))[-1] + 1, np.flatnonzero(valid.any(0))[-1] + 1
        cy, cx = max(0, -py), max(0, -px)
        ey, ex = min(h, vy - py), min(w, vx - px)
        if ey - cy < 4 or ex - cx < 4:
            return
        soft = cv2.GaussianBlur(np.ascontiguousarray(alpha), (0, 0), self.rng.uniform(0.4, 1.0))
        a = soft[cy:ey, cx:ex, None]
        region = np.s_[py + cy : py + ey, px + cx : px + ex]
        image[region] = image[region] * (1 - a) + cut[cy:ey, cx:ex] * a
        ids[region][alpha[cy:ey, cx:ex] > 0.5] = new
        covered[region] |= a[:, :, 0] > 0.05

    def scene(self) -> tuple[Photo, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Photo, image, ids, valid, map, covered: a labelled photo, or any photo with only pasted objects labelled."""
        photo, rng = self.pick(), self.rng
        covered = np.zeros(self.shape, bool)
        ids = photo.masks[int(rng.integers(len(photo.masks)))]
        if rng.random() < 0.12:
            photo = self.photos[int(rng.integers(len(self.photos)))]
            image, _, valid, m = self.warp(photo.image, None)
            image, ids = image.astype(np.float32), np.zeros(valid.shape, np.uint8)
            for _ in range(int(rng.integers(1, 4))):
                self.paste(image, ids, valid, covered)
        else:
            image, ids, valid, m = self.warp(photo.image, ids, plain=rng.random() < 0.2)
            image = image.astype(np.float32)
            if photo.kind in ("instances", "salient", "panoptic") and rng.random() < 0.15:
                self.paste(image, ids, valid, covered)
        return photo, image, ids, valid, m, covered

    def view(self) -> Sample:
        """Any photo, labelled or not, without objects."""
        photo = self.photos[int(self.rng.integers(len(self.photos)))]
        image, _, valid, m = self.warp(photo.image, None)
        image = normalise(camera(self.rng, image.astype(np.float32)), valid)
        nothing = np.zeros((0, *self.shape), bool)
        return Sample(image, nothing, valid, photo, m, np.zeros(self.shape, bool))

    def sample(self) -> Sample:
        """A photo with K of its objects, some of them the same one where it has fewer."""
        while True:
            photo, image, ids, valid, m, covered = self.scene()
            chosen = self.choose(photo, ids, valid)
            if chosen is None:
                continue
            masks = np.stack([ids == v for v in chosen])
            image = normalise(camera(self.rng, image), valid)
            return Sample(image, masks, valid, photo, m, covered)

    def choose(self, photo: Photo, ids: np.ndarray, valid: np.ndarray) -> np.ndarray | None:
        """K ids of objects that are neither tiny nor nearly all of the picture; None if there is none."""
        counts = np.bincount(ids.ravel(), minlength=256).astype(np.float64)
        counts[0] = 0
        if photo.source != "bsds":
            counts[UNKNOWN] = 0
        area = counts / max(1, valid.sum())
        usable = np.flatnonzero((area > SMALLEST) & (area < 0.9))
        if len(usable) == 0:
            return None
        # Large regions teach more about shape, small ones are more.
        p = area[usable] ** SIZE_POWER
        return self.rng.choice(usable, self.k, replace=len(usable) < self.k, p=p / p.sum())

    def move_objects(self, first: View, second: View) -> None:
        """Pastes one to three objects into both views, each elsewhere and a little changed in the second."""
        rng = self.rng
        for new in range(int(first[1].max()) + 1, int(first[1].max()) + 1 + int(rng.integers(1, 4))):
            made = self.cutout(0.07)
            if made is None:
                continue
            (y, x), (h, w) = self.spot(first[2], made), made[1].shape
            turn = cv2.getRotationMatrix2D((w / 2, h / 2), float(rng.normal(0, 6)), float(np.exp(rng.normal(0, 0.06))))
            turned = tuple(cv2.warpAffine(np.ascontiguousarray(part), turn, (w, h)) for part in made)
            dy, dx = (int(d) for d in np.clip(rng.normal(0, 20, 2), -40, 40))
            self.blend(first, made, (y, x), new)
            self.blend(second, turned, (y + dy, x + dx), new)

    def pair(self, second_view: SecondView) -> tuple[Sample, Sample]:
        """A sample, and the same objects in a later frame, where all of them are still seen."""
        rng = self.rng
        while True:
            photo, image, ids, valid, m, covered = self.scene()
            later, names, known = second_view(rng, image, ids, valid)
            if not known.any():
                continue
            before = int(ids.max())
            if rng.random() < 0.6 and before < 240:
                # Things that move over their ground: features must be theirs, not those of what lies around.
                self.move_objects((image, ids, valid, covered), (later, names, known, covered.copy()))
            if rng.random() < 0.4 and names.max() < 250:
                self.paste(later, names, known, covered.copy())
            moving = ids.max() > before and rng.random() < 0.8
            chosen = self.choose(photo, np.where(ids > before, ids, 0) if moving else ids, valid)
            if chosen is None:
                continue
            masks, after = (np.stack([i == v for v in chosen]) for i in (ids, names))
            if after.sum((1, 2)).min() < SMALLEST / 2 * after[0].size:
                continue
            # One camera took both, a moment apart.
            light, again = np.float32(np.exp(rng.normal(0, 0.04))), np.random.default_rng()
            again.bit_generator.state = rng.bit_generator.state
            first = Sample(normalise(camera(rng, image), valid), masks, valid, photo, m, covered)
            seen = normalise(np.clip(camera(again, later) * light, 0, 255), known)
            return first, Sample(seen, after, known, photo, m, np.ones(self.shape, bool))
