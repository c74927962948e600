"""Makes small models of the architectures that people use, as their users export them, and what ONNX Runtime answers through
the published pre- and post-processing.

    python tests/reference/make.py [--out DIR] [--new] [NAME...]        needs requirements.txt

The weights are random, from a generator with a seed: nothing is fetched. `models/` gets the files and their manifest,
`answers.json` the prompts and ratings, `answers.f16` logits and masks; tests/references.rs holds ours against them. With
`--out` all goes to another folder, and with `--new` PyTorch's new exporter makes the encoders, and all weights lie beside their files:
`make test-family` hands both to the same test.
"""

import argparse
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

import export
import hugging_face
import sam
import sam2_exports
from photo import PHOTO, Letterbox, Stretch

HERE = Path(__file__).parent
SIDE = 128

BYTE = "{ mean = [123.675, 116.28, 103.53], std = [58.395, 57.12, 57.375], white = 255 }"
UNIT = "{ mean = [0.485, 0.456, 0.406], std = [0.229, 0.224, 0.225] }"

# Points (x, y, label) and boxes in pixels of the photo.
PROMPTS = [
    dict(points=[[60, 40, 1]]),
    dict(points=[[100.5, 71.25, 1], [20, 90, 0]]),
    dict(points=[[30, 30, 1], [80, 60, 1], [140, 20, 0]]),
    dict(points=[], bbox=[32, 20, 110, 84]),
    dict(points=[[70, 50, 1]], bbox=[40, 24, 120, 90]),
    dict(points=[[60, 40, 1], [100, 70, 0]], after=0),
]


class Case:
    """A pair of files: how they are made, and what their predictor does."""

    def __init__(self, family, make, fit=Letterbox, side=SIDE, padding=True, corners=True, published=None, beside=False, within=1e-3, keys=""):
        self.family, self.make, self.fit, self.side = family, make, fit, side
        self.padding, self.corners, self.published, self.keys = padding, corners, published, keys
        # Stability counts cells: one that lies on the threshold makes a step.
        self.within = within
        # Whether the encoder's weights lie in a file beside it.
        self.beside = beside

    def prompts(self, names):
        boxes = self.corners or "input_boxes" in names
        return [p for p in PROMPTS if (boxes or "bbox" not in p) and ("mask_input" in names or "after" not in p)]


CASES = {
    "segment-anything": Case("sam", sam.segment_anything),
    "mobile-sam": Case("sam", sam.mobile_sam),
    "edge-sam": Case("sam", sam.edge_sam, within=2e-2),
    "edge-sam-unrated": Case("sam", lambda: sam.edge_sam(None), within=2e-2),
    "nano-sam": Case("sam", sam.nano_sam),
    "efficientvit-sam": Case("sam", sam.efficientvit_sam, side=SIDE // 2, beside=True),
    "sam2-samexporter": Case("sam", sam2_exports.samexporter, fit=Stretch, padding=False, keys='fit = "stretch"\n'),
    "transformers-sam": Case("transformers", hugging_face.sam, padding=False, corners=False),
    "transformers-sam-boxes": Case("transformers", lambda: hugging_face.sam(boxes=True), corners=False, published=hugging_face.sam_model),
    "transformers-sam2": Case("transformers", hugging_face.sam2, fit=Stretch, corners=False, published=hugging_face.sam2_model,
                              keys='fit = "stretch"\n'),
}


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def stability(masks):
    """EdgeSAM's `calculate_stability_score` with its threshold and offset."""
    axes = (-1, -2)
    return ((masks > 1).sum(axes) / np.maximum((masks > -1).sum(axes), 1)).astype(np.float32)


class Predictor:
    """The published predictor around two files."""

    def __init__(self, case, encoder, decoder):
        self.case, self.fit = case, case.fit(case.side)
        self.published = hugging_face.Published(case.published()) if case.published else None
        self.encoder, self.decoder = session(encoder), session(decoder)
        self.names = [i.name for i in self.decoder.get_inputs()]
        image = self.encoder.get_inputs()[0].name
        made = self.encoder.run(None, {image: self.fit.tensor()})
        outputs = [o.name for o in self.encoder.get_outputs()]
        features = [n for n in self.names if n in outputs]
        self.features = {n: made[outputs.index(n)] for n in features}
        if not features:
            self.features = {self.names[0]: made[0]}

    def predict(self, prompt, prior):
        """Masks and ratings, in the order of the file."""
        hf = self.case.family == "transformers"
        coords = [self.fit.point(x, y, SIDE) for x, y, _ in prompt["points"]]
        labels = [label for *_, label in prompt["points"]]
        box = None
        if "bbox" in prompt:
            x0, y0, x1, y1 = prompt["bbox"]
            box = [self.fit.point(x0, y0, SIDE), self.fit.point(x1, y1, SIDE)]
        if box and self.case.corners:
            coords, labels = coords + box, labels + [2, 3]
        elif self.published:
            return self.published(self.fit.tensor(), coords, labels, box)
        elif self.case.padding and not box:
            coords, labels = coords + [[0, 0]], labels + [-1]
        coords, labels = np.array(coords, np.float32).reshape(-1, 2), np.array(labels)
        feeds = dict(self.features)
        if hf:
            feeds.update(input_points=coords[None, None], input_labels=labels.astype(np.int64)[None, None])
        else:
            feeds.update(point_coords=coords[None], point_labels=labels.astype(np.float32)[None])
        if "mask_input" in self.names:
            side = self.decoder.get_inputs()[self.names.index("mask_input")].shape[-1]
            feeds["mask_input"] = np.zeros((1, 1, side, side), np.float32) if prior is None else prior[None, None]
            feeds["has_mask_input"] = np.array([prior is not None], np.float32)
        if "orig_im_size" in self.names:
            feeds["orig_im_size"] = np.array([SIDE, SIDE], np.float32)
        out = dict(zip([o.name for o in self.decoder.get_outputs()], self.decoder.run(None, feeds)))
        masks = next(out[n] for n in ["low_res_masks", "pred_masks", "masks"] if n in out)
        masks = masks.reshape(-1, *masks.shape[-2:])
        rating = [out[n].reshape(-1) for n in ["iou_predictions", "iou_scores", "scores"] if n in out]
        ratings = rating[0] if rating else stability(masks)
        if self.case.fit is Letterbox and not rating:
            ratings = stability(masks[:, : self.rows(masks), : self.columns(masks)])
        return masks, ratings

    def rows(self, masks):
        return -(-self.fit.height * masks.shape[-2] // self.fit.side)

    def columns(self, masks):
        return -(-self.fit.width * masks.shape[-1] // self.fit.side)


def answers(case, encoder, decoder, out):
    """The answers to every prompt; numbers go to the end of `out`."""
    predictor = Predictor(case, encoder, decoder)
    found = []
    for prompt in case.prompts(predictor.names):
        prior = None if "after" not in prompt else found[prompt["after"]]["best"]
        masks, ratings = predictor.predict(prompt, prior)
        # `multimask_output`: three alternatives for one click, one mask for what is unambiguous.
        click = len(prompt["points"]) == 1 and "bbox" not in prompt and prior is None
        chosen = list(range(len(masks)))
        if len(masks) == 4:
            chosen = [1, 2, 3] if click else [0]
        masks, ratings = masks[chosen], ratings[chosen]
        places = dict(logits=len(out), side=[masks.shape[-1], masks.shape[-2]])
        best = int(ratings.argmax())
        out += masks[best].astype(np.float16).tobytes()
        places["mask"] = len(out)
        full = case.fit(case.side).mask(masks[best])
        out += np.packbits(full).tobytes()
        out += b"\0" * (len(out) % 2)
        found.append(dict(prompt=prompt, ratings=[float(f"{r:.7g}") for r in ratings], best=masks[best].astype(np.float16).astype(np.float32), **places))
    for answer in found:
        answer["best"] = int(np.argmax(answer["ratings"]))
    return found


def entry(name, case, folder):
    def part(kind):
        path = f"{name}.{kind}.onnx"
        sha = lambda file: hashlib.sha256((folder / file).read_bytes()).hexdigest()
        beside = [p.name for p in sorted(folder.glob(f"{path}.data"))]
        listed = ", ".join(f'{{ path = "{p}", sha256 = "{sha(p)}" }}' for p in beside)
        external = f", external = [{listed}]" if beside else ""
        return f'{kind} = {{ path = "{path}", sha256 = "{sha(path)}"{external} }}\n'

    return (
        f'\n[[model]]\nname = "{name}"\nfamily = "{case.family}"\ndescription = "Random weights."\nlicence = "MIT OR Apache-2.0"\n'
        f'source = "tests/reference/make.py"\ninput = [{case.side}, {case.side}]\n{case.keys}'
        f"normalization = {UNIT if case.fit is Stretch else BYTE}\n[model.files.f32]\n{part('encoder')}{part('decoder')}"
    )


def make(names, folder):
    models = folder / "models"
    models.mkdir(parents=True, exist_ok=True)
    text, index, numbers = "# Written by make.py.\n", [], bytearray()
    for name in names:
        case = CASES[name]
        torch.manual_seed(0)
        files = []
        for kind, model in zip(["encoder", "decoder"], case.make()):
            files.append(models / f"{name}.{kind}.onnx")
            export.save(model, files[-1], export.NEW or case.beside and kind == "encoder")
        index.append(dict(model=name, within=case.within, answers=answers(case, *files, numbers)))
        text += entry(name, case, models)
        print(name, sum(f.stat().st_size for f in files), "bytes,", [a["ratings"] for a in index[-1]["answers"]][0], flush=True)
    if folder != HERE:
        shutil.copy(PHOTO, folder)
    (models / "manifest.toml").write_text(text)
    (folder / "answers.json").write_text(json.dumps(index, indent=1) + "\n")
    (folder / "answers.f16").write_bytes(numbers)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--new", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    export.NEW = args.new
    make(args.names or list(CASES), args.out)


if __name__ == "__main__":
    main()
