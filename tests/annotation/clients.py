"""Annotation tools' own code against `foveate annotate`: X-AnyLabeling's client of remote models, Label Studio's converter.

    python clients.py FOVEATE DUMP_SCENE
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())

import cv2
import numpy as np
import requests
from anylabeling import config as tool_config
from anylabeling.services.auto_labeling.remote_server import RemoteServer
from anylabeling.views.labeling.utils import batch
from label_studio_sdk.converter.brush import decode_rle
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QApplication

TOKEN = "a-token-of-the-test"
FRAMES = 6


def scene(dump: str, folder: Path) -> tuple[list[Path], list[np.ndarray]]:
    """Frames of the rendered scene, and the mask of the first one's largest object on each."""
    arguments = ["--seeds", "3..4", "--frames-per-seed", str(FRAMES), "--width", "320", "--height", "240"]
    subprocess.run([dump, folder, *arguments], check=True, stdout=subprocess.DEVNULL)
    photos = sorted((folder / "images").iterdir())
    ids = [cv2.imread(str(folder / "masks" / f"{photo.stem}.png"), cv2.IMREAD_UNCHANGED) for photo in photos]
    counts = np.bincount(ids[0].ravel())
    counts[0] = 0
    return photos, [of == counts.argmax() for of in ids]


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))


def filled(shapes: list, like: np.ndarray) -> np.ndarray:
    """What the tool's polygons cover."""
    canvas = np.zeros(like.shape, np.uint8)
    for shape in shapes:
        assert shape.shape_type == "polygon", shape.shape_type
        corners = np.array([[point.x(), point.y()] for point in shape.points])
        cv2.fillPoly(canvas, [np.round(corners - 0.5).astype(np.int32)], 1)
    return canvas > 0


def report(what: str, overlap: float, least: float) -> None:
    print(f"  {what}: IoU {overlap:.3f} (at least {least})")
    assert overlap >= least, what


def inside(mask: np.ndarray) -> list[float]:
    distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    y, x = np.unravel_index(distance.argmax(), distance.shape)
    return [float(x) + 0.5, float(y) + 0.5]


class Images:
    """Of the tool's window, what its client asks for."""

    def __init__(self, photos: list[Path]) -> None:
        self.image_list = [str(photo) for photo in photos]


def x_anylabeling(address: str, photos: list[Path], truth: list[np.ndarray]) -> None:
    told: list[str] = []
    # In the place of the user's own settings.
    settings = {"server_url": address, "api_key": TOKEN}
    tool_config.current_config_file = json.dumps({"remote_server_settings": settings})
    config = {"type": "remote_server", "name": "remote", "display_name": "remote", "provider": "foveate"}
    client = RemoteServer(config, told.append)
    models = client.get_available_models()
    name, described = next(iter(models.items()))
    client.set_model_id(name)
    tasks = [task["id"] for task in described["available_tasks"]]
    print(f"X-AnyLabeling: model {name}, tasks {tasks}")
    first = str(photos[0])
    image = QImage(first)

    ys, xs = np.nonzero(truth[0])
    box = [float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1)]
    point = {"type": "point", "data": inside(truth[0]), "label": 1}
    client.set_task("points")
    for what, marks in [("a box", [{"type": "rectangle", "data": box, "label": 1}]), ("a point", [point])]:
        client.set_auto_labeling_marks(marks)
        shapes = client.predict_shapes(image, first).shapes
        report(what, iou(filled(shapes, truth[0]), truth[0]), 0.5)
    client.set_auto_labeling_marks([])
    client.set_task("everything")
    shapes = client.predict_shapes(image, first).shapes
    best = max(iou(filled([shape], truth[0]), truth[0]) for shape in shapes)
    report(f"everything, {len(shapes)} shapes, the best of them", best, 0.5)

    client._widget = Images(photos)
    client.set_task("video")
    client.set_auto_labeling_marks([point])
    saved: dict[str, list] = {}
    batch.save_auto_labeling_result = lambda _, path, result: saved.update({path: result.shapes})
    shapes = client.predict_shapes(image, first, run_tracker=False).shapes
    asked = filled(shapes, truth[0])
    client.predict_shapes(image, first, run_tracker=True)
    wrong = [text for text in told if not text.startswith("Packing completed")]
    assert len(saved) == len(photos) and not wrong, (len(saved), wrong)
    report("a video's first image", iou(filled(saved[first], truth[0]), asked), 0.99)
    last = str(photos[-1])
    report("its last image", iou(filled(saved[last], truth[-1]), truth[-1]), 0.4)
    client._reset_video_session()


def label_studio(address: str, photo: Path, truth: np.ndarray) -> None:
    encoded = base64.b64encode(photo.read_bytes()).decode()
    height, width = truth.shape
    ys, xs = np.nonzero(truth)
    box = {"x": xs.min() / width, "y": ys.min() / height, "width": np.ptp(xs) / width, "height": np.ptp(ys) / height}
    value = {key: float(share) * 100 for key, share in box.items()}
    drawn = {"type": "rectanglelabels", "to_name": "image", "value": {**value, "rectanglelabels": ["thing"]}}
    config = '<View><Image name="image" value="$image"/><BrushLabels name="mask" toName="image"/></View>'
    body = {
        "tasks": [{"id": 1, "data": {"image": f"data:image/jpeg;base64,{encoded}"}}],
        "label_config": config,
        "params": {"context": {"result": [drawn]}},
    }
    answer = requests.post(f"{address}/predict", json=body, auth=("any", TOKEN), timeout=60)
    answer.raise_for_status()
    result = answer.json()["results"][0]["result"][0]
    mask = np.reshape(decode_rle(result["value"]["rle"]), [height, width, 4])[:, :, 3] > 0
    print("Label Studio:")
    report("a box", iou(mask, truth), 0.5)


def main() -> None:
    foveate, dump = sys.argv[1:]
    application = QApplication([])
    with tempfile.TemporaryDirectory() as folder:
        photos, truth = scene(dump, Path(folder))
        command = [foveate, "annotate", "--listen", "127.0.0.1:0"]
        environment = {**os.environ, "FOVEATE_TOKEN": TOKEN}
        server = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        try:
            address = server.stderr.readline().split()[-1]
            x_anylabeling(address, photos, truth)
            label_studio(address, photos[0], truth[0])
        finally:
            server.terminate()
            server.wait()
    del application


main()
