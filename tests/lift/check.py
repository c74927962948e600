"""trimesh reads what `foveate segment --lift` writes: `check.py FOVEATE [PHOTO DEPTH INTRINSICS BOX PICTURE]`.

Without more arguments a ball on a table is rendered here, and points and surface are held against what trimesh finds in
them. With a photo, its depth, the intrinsics and a box, PICTURE shows the object as a cloud from three sides.
"""

import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import trimesh
from PIL import Image, ImageDraw

SIZE = (320, 240)
LENS = (262.5, 262.5, 160.0, 120.0)
RADIUS, CENTER = 0.06, np.array([0.02, -0.01, 0.7])
# The table's normal, and how far it lies from the camera along it: it touches the ball.
UP = np.array([0.0, -np.cos(0.6), -np.sin(0.6)])
OFFSET = UP @ CENTER - RADIUS


def render():
    """A red ball on a checked table: colours, depth in millimetres, the ball's box in pixels."""
    fx, fy, cx, cy = LENS
    x, y = np.meshgrid(np.arange(SIZE[0]) + 0.5, np.arange(SIZE[1]) + 0.5)
    ray = np.stack([(x - cx) / fx, (y - cy) / fy, np.ones_like(x)], -1)
    table = OFFSET / (ray @ UP)
    b, a = ray @ CENTER, (ray**2).sum(-1)
    root = b**2 - a * (CENTER @ CENTER - RADIUS**2)
    ball = root > 0
    depth = np.where(ball, (b - np.sqrt(np.maximum(root, 0))) / a, table)
    point = ray * depth[..., None]
    normal = np.where(ball[..., None], (point - CENTER) / RADIUS, UP)
    checks = (np.floor(point[..., 0] * 20) + np.floor(point[..., 2] * 20)) % 2
    colour = np.where(ball[..., None], [220, 60, 40], 150 + 50 * checks[..., None])
    light = np.clip(normal @ (np.array([-0.5, -0.7, -0.5]) / np.sqrt(0.99)), 0.15, 1)
    rows, columns = np.nonzero(ball)
    box = f"{columns.min()},{rows.min()},{columns.max() + 1},{rows.max() + 1}"
    return (colour * light[..., None]).clip(0, 255).astype(np.uint8), (depth * 1000).round().astype(np.uint16), box


def segment(foveate, photo, depth, lens, box, out):
    line = [foveate, "segment", photo, "--box", box, "--depth", depth, "--intrinsics", lens, "--lift", out, "--json"]
    ran = subprocess.run([str(word) for word in line], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)["masks"][0]["lift"]


def glb_counts(path):
    """Vertices and triangles, by the file's own words."""
    data = path.read_bytes()
    length = struct.unpack_from("<I", data, 12)[0]
    accessors = json.loads(data[20 : 20 + length])["accessors"]
    return accessors[0]["count"], accessors[3]["count"] // 3


def check(foveate):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        colour, depth, box = render()
        Image.fromarray(colour).save(folder / "photo.png")
        Image.fromarray(depth).save(folder / "depth.png")
        lens = ",".join(map(str, LENS))
        arguments = (foveate, folder / "photo.png", folder / "depth.png", lens, box)
        found = segment(*arguments, folder / "object.ply")
        segment(*arguments, folder / "object.glb")

        cloud = trimesh.load(folder / "object.ply")
        assert len(cloud.vertices) == found["points"], (len(cloud.vertices), found["points"])
        assert len(np.unique(cloud.colors, axis=0)) > 1
        low, high = cloud.bounds
        # The half that the camera sees: 12 cm across, no more than 6 deep and a little.
        assert np.all(np.abs((high - low)[:2] - 2 * RADIUS) < 0.02), high - low
        assert np.linalg.norm(cloud.vertices - CENTER, axis=1).mean() - RADIUS < 0.002
        assert np.allclose(cloud.vertices.mean(0), found["centroid"], atol=1e-4)
        raw = cloud.metadata["_ply_raw"]["vertex"]["data"]
        normals = np.stack([raw[name] for name in ("nx", "ny", "nz")], -1)
        assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-3)
        outward = (cloud.vertices - CENTER) / RADIUS
        assert np.median((normals * outward).sum(1)) > 0.99

        scene = trimesh.load(folder / "object.glb")
        (surface,) = scene.geometry.values()
        vertices, triangles = glb_counts(folder / "object.glb")
        assert (len(surface.vertices), len(surface.faces)) == (vertices, triangles)
        assert vertices <= found["points"] and triangles > vertices
        # y up, z towards the viewer.
        turned = surface.vertices * [1, -1, -1]
        assert np.all(turned.min(0) >= low - 1e-5) and np.all(turned.max(0) <= high + 1e-5)
        assert np.all(turned.max(0) - turned.min(0) > 0.8 * (high - low))
        facing = (surface.face_normals * surface.triangles_center).sum(1)
        assert (facing < 0).mean() > 0.999, "the triangles face the camera"
        picture = surface.visual.material.baseColorTexture
        assert picture is not None and surface.visual.uv.min() >= 0 and surface.visual.uv.max() <= 1
        # The ball is red where the texture says that it is.
        u, v = surface.visual.uv.T
        pixels = np.asarray(picture.convert("RGB"))
        at = pixels[((1 - v) * pixels.shape[0]).astype(int).clip(0, pixels.shape[0] - 1), (u * pixels.shape[1]).astype(int)]
        assert (at[:, 0] > at[:, 2]).mean() > 0.95
        sides = sorted(found["box"]["size"])
        print(
            f"{found['points']} points, {triangles} triangles as trimesh counts them; box {sides} m of a ball of"
            f" {2 * RADIUS} m, grasp {found['grasp']['width']:.3f} m"
        )
        assert all(abs(side - 2 * RADIUS) < 0.025 for side in sides[1:]), sides


def views(foveate, photo, depth, lens, box, out):
    """The cloud from the camera, from beside it and from above, and its box."""
    with tempfile.TemporaryDirectory() as folder:
        ply = Path(folder) / "object.ply"
        found = segment(foveate, photo, depth, lens, box, ply)
        cloud = trimesh.load(ply)
    print(json.dumps(found, indent=1))
    points, colours = np.asarray(cloud.vertices), np.asarray(cloud.colors)[:, :3]
    bounds = found["box"]
    axes, half = np.array(bounds["axes"]), np.array(bounds["size"]) / 2
    signs = np.array([[-1 if i >> k & 1 == 0 else 1 for k in range(3)] for i in range(8)])
    corners = np.array(bounds["center"]) + (signs * half) @ axes
    edges = [(i, i | 1 << k) for i in range(8) for k in range(3) if i >> k & 1 == 0]
    middle, side = np.array(bounds["center"]), 260
    scale = 0.62 * side / np.linalg.norm(bounds["size"])
    sheet = Image.new("RGB", (3 * side, side), (250, 250, 248))
    draw = ImageDraw.Draw(sheet)

    def turn(axis, angle):
        return trimesh.transformations.rotation_matrix(np.radians(angle), axis)[:3, :3]

    for number, (name, rotation) in enumerate(
        [("camera", np.eye(3)), ("beside", turn([0, 1, 0], 60)), ("above", turn([1, 0, 0], -50))]
    ):
        seen, box = (points - middle) @ rotation.T, (corners - middle) @ rotation.T
        x0 = side * number + side / 2
        for i in np.argsort(-seen[:, 2]):
            x, y = x0 + seen[i, 0] * scale, side / 2 + seen[i, 1] * scale
            draw.rectangle([x - 1, y - 1, x + 1, y + 1], fill=tuple(int(c) for c in colours[i]))
        for a, b in edges:
            line = [(x0 + box[i, 0] * scale, side / 2 + box[i, 1] * scale) for i in (a, b)]
            draw.line(line, fill=(20, 110, 200), width=1)
        draw.text((side * number + 8, 6), name, fill=(60, 60, 60))
    sheet.save(out, quality=88)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        views(*sys.argv[1:])
    else:
        check(sys.argv[1])
