use std::f32::consts::{PI, TAU};

use glam::{Mat3, Vec3, vec3};

#[derive(Clone, Copy, Debug)]
pub(super) struct Vertex {
    pub position: Vec3,
    /// Unit length, outward.
    pub normal: Vec3,
    /// Texture coordinates; a mesh covers the unit square about once.
    pub uv: [f32; 2],
}

/// A surface of triangles, counter-clockwise seen from outside.
#[derive(Clone, Debug, Default)]
pub(super) struct Mesh {
    pub vertices: Vec<Vertex>,
    pub triangles: Vec<[u32; 3]>,
}

impl Mesh {
    /// The surface of revolution of a profile of `[radius, y]` points about the y axis. The profile runs from the
    /// bottom outward and up, so that outside lies on its right; corners sharper than about 40 degrees stay sharp.
    pub fn lathe(profile: &[[f32; 2]], segments: usize) -> Mesh {
        let normals: Vec<[f32; 2]> = profile
            .windows(2)
            .map(|p| {
                let (dr, dy) = (p[1][0] - p[0][0], p[1][1] - p[0][1]);
                let n = dr.hypot(dy).max(1e-9);
                [dy / n, -dr / n]
            })
            .collect();
        let total: f32 = profile.windows(2).map(|p| (p[1][0] - p[0][0]).hypot(p[1][1] - p[0][1])).sum();

        let mut mesh = Mesh::default();
        let ring = segments as u32 + 1;
        let mut put_ring = |[r, y]: [f32; 2], [nr, ny]: [f32; 2], v: f32| {
            for s in 0..=segments {
                let u = s as f32 / segments as f32;
                let (sin, cos) = (u * TAU).sin_cos();
                mesh.vertices.push(Vertex {
                    position: vec3(r * cos, y, r * sin),
                    normal: vec3(nr * cos, ny, nr * sin),
                    uv: [u, v],
                });
            }
        };
        let smooth = |a: [f32; 2], b: [f32; 2]| a[0] * b[0] + a[1] * b[1] > 0.77;
        let mut along = 0.0;
        for (i, pair) in profile.windows(2).enumerate() {
            let at_end = |other: Option<&[f32; 2]>| match other {
                Some(&n) if smooth(n, normals[i]) => {
                    let sum = [n[0] + normals[i][0], n[1] + normals[i][1]];
                    let length = sum[0].hypot(sum[1]);
                    [sum[0] / length, sum[1] / length]
                }
                _ => normals[i],
            };
            put_ring(pair[0], at_end(i.checked_sub(1).map(|before| &normals[before])), along / total);
            along += (pair[1][0] - pair[0][0]).hypot(pair[1][1] - pair[0][1]);
            put_ring(pair[1], at_end(normals.get(i + 1)), along / total);
        }
        for band in 0..normals.len() as u32 {
            mesh.join_rings(band * 2 * ring, (band * 2 + 1) * ring, segments as u32);
        }
        mesh.oriented()
    }

    /// A sphere scaled to three radii, about the origin.
    pub fn ellipsoid(radii: Vec3, segments: usize) -> Mesh {
        let rings = segments / 2;
        let profile: Vec<[f32; 2]> = (0..=rings)
            .map(|i| {
                let angle = PI * i as f32 / rings as f32;
                [angle.sin(), -angle.cos()]
            })
            .collect();
        Mesh::lathe(&profile, segments).scaled(radii)
    }

    /// A cylinder standing on the xz plane, its rims rounded by `rim`.
    pub fn cylinder(radius: f32, height: f32, rim: f32, segments: usize) -> Mesh {
        let k = rim * 0.3;
        let profile = [
            [0.0, 0.0],
            [radius - rim, 0.0],
            [radius - k, k],
            [radius, rim],
            [radius, height - rim],
            [radius - k, height - k],
            [radius - rim, height],
            [0.0, height],
        ];
        Mesh::lathe(&profile, segments)
    }

    /// Part of a torus about the y axis: `sweep` radians of it, starting at the x axis. `aspect` stretches the tube
    /// along y.
    pub fn torus(ring: f32, tube: f32, sweep: f32, aspect: f32, segments: usize, sides: usize) -> Mesh {
        let mut mesh = Mesh::default();
        for s in 0..=segments {
            let u = s as f32 / segments as f32;
            let (sin, cos) = (u * sweep).sin_cos();
            for t in 0..=sides {
                let v = t as f32 / sides as f32;
                let (ts, tc) = (v * TAU).sin_cos();
                let r = ring + tube * tc;
                mesh.vertices.push(Vertex {
                    position: vec3(r * cos, tube * ts * aspect, r * sin),
                    normal: vec3(tc * cos, ts / aspect, tc * sin).normalize_or_zero(),
                    uv: [u, v],
                });
            }
        }
        for s in 0..segments as u32 {
            let ring = sides as u32 + 1;
            mesh.join_rings(s * ring, (s + 1) * ring, sides as u32);
        }
        mesh.oriented()
    }

    /// A box of the given half sides about the origin with edges rounded by `radius`; each face has the whole texture.
    pub fn rounded_box(half: Vec3, radius: f32) -> Mesh {
        let radius = radius.min(half.x).min(half.y).min(half.z);
        let inner = half - vec3(radius, radius, radius);
        let mut mesh = Mesh::default();
        // Each face is a grid whose outer rows bend round the edge; `axes` are its right, up and outward axes.
        for axes in [[0, 1, 2], [2, 1, 0], [0, 2, 1]] {
            for side in [-1.0f32, 1.0] {
                let first = mesh.vertices.len() as u32;
                let (half, inner) = ([half.x, half.y, half.z], [inner.x, inner.y, inner.z]);
                for j in 0..4 {
                    for i in 0..4 {
                        let stop = |axis: usize, k: usize| [-half[axis], -inner[axis], inner[axis], half[axis]][k];
                        let mut p = [0.0; 3];
                        p[axes[0]] = stop(axes[0], i);
                        p[axes[1]] = stop(axes[1], j);
                        p[axes[2]] = half[axes[2]] * side;
                        let core = [0, 1, 2].map(|a: usize| p[a].clamp(-inner[a], inner[a]));
                        let [p, core] = [p, core].map(|[x, y, z]| vec3(x, y, z));
                        let mut normal = (p - core).normalize_or_zero();
                        if radius == 0.0 {
                            let mut n = [0.0; 3];
                            n[axes[2]] = side;
                            normal = vec3(n[0], n[1], n[2]);
                        }
                        let across = |axis: usize, k: usize| stop(axis, k) / (2.0 * half[axis]) + 0.5;
                        let u = across(axes[0], i);
                        let flip = (side < 0.0) != (axes[0] == 2);
                        let uv = [if flip { 1.0 - u } else { u }, 1.0 - across(axes[1], j)];
                        mesh.vertices.push(Vertex { position: core + normal * radius, normal, uv });
                    }
                }
                for j in 0..3 {
                    mesh.join_rings(first + j * 4, first + j * 4 + 4, 3);
                }
            }
        }
        mesh.oriented()
    }

    /// A gable roof: a triangle of `half_width` and `height`, `half_depth` deep to both sides of the xy plane.
    pub fn gable(half_width: f32, height: f32, half_depth: f32) -> Mesh {
        let mut mesh = Mesh::default();
        let (w, h, d) = (half_width, height, half_depth);
        let slope = vec3(h, w, 0.0).normalize_or_zero();
        let roof = [(1.0, vec3(slope.x, slope.y, 0.0)), (-1.0, vec3(-slope.x, slope.y, 0.0))];
        for (side, normal) in roof {
            mesh.quad([vec3(side * w, 0.0, -d), vec3(side * w, 0.0, d), vec3(0.0, h, d), vec3(0.0, h, -d)], normal);
        }
        for side in [-1.0, 1.0] {
            let z = side * d;
            let apex = vec3(0.0, h, z);
            mesh.quad([vec3(-w, 0.0, z), vec3(w, 0.0, z), apex, apex], vec3(0.0, 0.0, side));
        }
        mesh.quad([vec3(-w, 0.0, -d), vec3(w, 0.0, -d), vec3(w, 0.0, d), vec3(-w, 0.0, d)], -Vec3::Y);
        mesh.oriented()
    }

    /// A flat rectangle about `centre`, spanned by two half sides, seen from the side of `right x up`.
    pub fn rectangle(centre: Vec3, right: Vec3, up: Vec3) -> Mesh {
        let mut mesh = Mesh::default();
        let corners = [centre - right - up, centre + right - up, centre + right + up, centre - right + up];
        mesh.quad(corners, right.cross(up).normalize_or_zero());
        mesh.oriented()
    }

    fn quad(&mut self, corners: [Vec3; 4], normal: Vec3) {
        let first = self.vertices.len() as u32;
        let uvs = [[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]];
        self.vertices.extend(corners.iter().zip(uvs).map(|(&position, uv)| Vertex { position, normal, uv }));
        self.triangles.extend([[first, first + 1, first + 2], [first, first + 2, first + 3]]);
    }

    fn join_rings(&mut self, a: u32, b: u32, segments: u32) {
        for s in 0..segments {
            self.triangles.extend([[a + s, b + s, b + s + 1], [a + s, b + s + 1, a + s + 1]]);
        }
    }

    /// Drops triangles without area and turns the others so that they agree with their vertices' normals.
    fn oriented(mut self) -> Mesh {
        let vertices = &self.vertices;
        self.triangles.retain_mut(|triangle| {
            let [a, b, c] = triangle.map(|i| &vertices[i as usize]);
            let face = (b.position - a.position).cross(c.position - a.position);
            if face.dot(a.normal + b.normal + c.normal) < 0.0 {
                triangle.swap(1, 2);
            }
            face.length() > 1e-12
        });
        self
    }

    pub fn moved(mut self, by: Vec3) -> Mesh {
        self.vertices.iter_mut().for_each(|v| v.position += by);
        self
    }

    pub fn rotated(mut self, by: Mat3) -> Mesh {
        for v in &mut self.vertices {
            v.position = by * v.position;
            v.normal = by * v.normal;
        }
        self
    }

    /// Scaled by positive factors about the origin.
    pub fn scaled(mut self, by: Vec3) -> Mesh {
        let inverse = by.recip();
        for v in &mut self.vertices {
            v.position *= by;
            v.normal = (v.normal * inverse).normalize_or_zero();
        }
        self
    }

    /// Repeats the texture `u` and `v` times over the mesh.
    pub fn tiled(mut self, u: f32, v: f32) -> Mesh {
        self.vertices.iter_mut().for_each(|vertex| vertex.uv = [vertex.uv[0] * u, vertex.uv[1] * v]);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Six times the volume that the triangles enclose: positive when they are counter-clockwise from outside.
    fn volume(mesh: &Mesh) -> f32 {
        let p = |i: u32| mesh.vertices[i as usize].position;
        mesh.triangles.iter().map(|t| p(t[0]).dot(p(t[1]).cross(p(t[2])))).sum::<f32>() / 6.0
    }

    #[test]
    fn closed_meshes_enclose_their_volume() {
        let rows = [
            ("ball", volume(&Mesh::ellipsoid(vec3(1.0, 2.0, 1.0), 64)), 8.0 / 3.0 * PI),
            ("cylinder", volume(&Mesh::cylinder(1.0, 3.0, 0.01, 64)), 3.0 * PI),
            ("torus", volume(&Mesh::torus(2.0, 0.5, TAU, 1.0, 64, 32)), PI * PI),
            ("box", volume(&Mesh::rounded_box(vec3(1.0, 2.0, 3.0), 0.01)), 48.0),
            ("sharp box", volume(&Mesh::rounded_box(vec3(1.0, 2.0, 3.0), 0.0)), 48.0),
            ("gable", volume(&Mesh::gable(1.0, 2.0, 1.0)), 4.0),
        ];
        let wrong: Vec<_> = rows.iter().filter(|(_, got, want)| (got / want - 1.0).abs() > 0.02).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}
