"""Writes the photos that training holds out as a set for `foveate eval photos --ids`: `images/` and `masks/` of id maps.

Of each photo at most two objects are kept, drawn with a fixed seed, that cover 1 % of it or more; the rest of the photo is
background, which is right for each of them.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from data import DATA_ROOT, load_photos, split

LEAST = 0.01
MOST = 2


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, default=DATA_ROOT, help="the folder with train/manifest.json")
    p.add_argument("--out", type=Path, required=True)
    args = p.parse_args()
    for name in ("images", "masks"):
        (args.out / name).mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    written = 0
    _, held_out = split(load_photos(args.data))
    for photo in held_out:
        if not photo.masks:
            continue
        ids = photo.masks[0]
        large = [i for i in np.unique(ids) if i not in (0, 255) and (ids == i).mean() >= LEAST]
        if not large:
            continue
        kept = np.zeros_like(ids, np.uint8)
        for number, i in enumerate(rng.permutation(large)[:MOST], 1):
            kept[ids == i] = number
        cv2.imwrite(str(args.out / f"images/{written:03d}.png"), photo.image[:, :, ::-1])
        cv2.imwrite(str(args.out / f"masks/{written:03d}.png"), kept)
        written += 1
    print(f"{written} photos in {args.out}")


if __name__ == "__main__":
    main()
