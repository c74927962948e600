//! Solids that a ray can be tested against, in their body's own space (y up).

use super::vector::{Vec3, vec3};

/// One solid of a body.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Ellipsoid { centre: Vec3, radii: Vec3 },
    Box { centre: Vec3, half: Vec3 },
    /// An upright truncated cone with flat ends; equal radii make a cylinder.
    Frustum { centre: Vec3, half_height: f32, bottom: f32, top: f32 },
}

/// Where a ray meets a solid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    /// Distance along the ray, in lengths of its direction.
    pub t: f32,
    pub normal: Vec3,
    /// Texture coordinates in metres along the surface, roughly.
    pub uv: (f32, f32),
}

impl Shape {
    /// The first point of the surface in front of `origin`.
    pub fn hit(&self, origin: Vec3, direction: Vec3) -> Option<Hit> {
        match *self {
            Shape::Ellipsoid { centre, radii } => ellipsoid(origin - centre, direction, radii),
            Shape::Box { centre, half } => cuboid(origin - centre, direction, half),
            Shape::Frustum { centre, half_height, bottom, top } => {
                frustum(origin - centre, direction, half_height, bottom, top)
            }
        }
    }

    /// Distance from the body's origin to the farthest point.
    pub fn reach(&self) -> f32 {
        match *self {
            Shape::Ellipsoid { centre, radii } => centre.length() + radii.x.max(radii.y).max(radii.z),
            Shape::Box { centre, half } => centre.length() + half.length(),
            Shape::Frustum { centre, half_height, bottom, top } => centre.length() + half_height.hypot(bottom.max(top)),
        }
    }
}

fn ellipsoid(origin: Vec3, direction: Vec3, radii: Vec3) -> Option<Hit> {
    let inverse = vec3(1.0 / radii.x, 1.0 / radii.y, 1.0 / radii.z);
    let (o, d) = (origin.scaled(inverse), direction.scaled(inverse));
    let (a, b, c) = (d.dot(d), o.dot(d), o.dot(o) - 1.0);
    let root = b * b - a * c;
    if root < 0.0 {
        return None;
    }
    let t = (-b - root.sqrt()) / a;
    if t <= 0.0 {
        return None;
    }
    let p = o + d * t;
    let normal = p.scaled(inverse).normalized();
    let uv = (p.z.atan2(p.x) * radii.x, p.y.clamp(-1.0, 1.0).asin() * radii.y);
    Some(Hit { t, normal, uv })
}

fn cuboid(origin: Vec3, direction: Vec3, half: Vec3) -> Option<Hit> {
    let (mut near, mut far, mut axis) = (f32::NEG_INFINITY, f32::INFINITY, 0);
    let (o, d) = ([origin.x, origin.y, origin.z], [direction.x, direction.y, direction.z]);
    for (i, h) in [half.x, half.y, half.z].into_iter().enumerate() {
        let inverse = 1.0 / d[i];
        let (a, b) = ((-h - o[i]) * inverse, (h - o[i]) * inverse);
        let (a, b) = (a.min(b), a.max(b));
        if a > near {
            (near, axis) = (a, i);
        }
        far = far.min(b);
    }
    if near > far || near <= 0.0 {
        return None;
    }
    let p = origin + direction * near;
    let sign = -d[axis].signum();
    let (normal, uv) = match axis {
        0 => (vec3(sign, 0.0, 0.0), (p.z, p.y)),
        1 => (vec3(0.0, sign, 0.0), (p.x, p.z)),
        _ => (vec3(0.0, 0.0, sign), (p.x, p.y)),
    };
    Some(Hit { t: near, normal, uv })
}

fn frustum(o: Vec3, d: Vec3, h: f32, bottom: f32, top: f32) -> Option<Hit> {
    // Radius at height y is `mid + slope * y`.
    let (mid, slope) = ((bottom + top) / 2.0, (top - bottom) / (2.0 * h));
    let mut best: Option<Hit> = None;
    let mut take = |hit: Hit| {
        if hit.t > 0.0 && best.is_none_or(|b| hit.t < b.t) {
            best = Some(hit);
        }
    };
    let radius = mid + slope * o.y;
    let a = d.x * d.x + d.z * d.z - slope * slope * d.y * d.y;
    let b = o.x * d.x + o.z * d.z - radius * slope * d.y;
    let c = o.x * o.x + o.z * o.z - radius * radius;
    let root = b * b - a * c;
    if root >= 0.0 && a.abs() > 1e-12 {
        for t in [(-b - root.sqrt()) / a, (-b + root.sqrt()) / a] {
            let p = o + d * t;
            if p.y.abs() <= h {
                let r = mid + slope * p.y;
                let normal = vec3(p.x, -slope * r, p.z).normalized();
                // The far wall, seen from inside, lies behind the near one or a cap.
                if normal.dot(d) < 0.0 {
                    take(Hit { t, normal, uv: (p.z.atan2(p.x) * mid, p.y) });
                }
            }
        }
    }
    for (y, r, up) in [(h, top, 1.0), (-h, bottom, -1.0)] {
        let t = (y - o.y) / d.y;
        let p = o + d * t;
        if t.is_finite() && up * d.y < 0.0 && p.x * p.x + p.z * p.z <= r * r {
            take(Hit { t, normal: vec3(0.0, up, 0.0), uv: (p.x, p.z) });
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rays_meet_solids_where_they_should() {
        let forward = vec3(0.0, 0.0, 1.0);
        let from = vec3(0.0, 0.1, -5.0);
        let ball = Shape::Ellipsoid { centre: Vec3::ZERO, radii: vec3(1.0, 1.0, 2.0) };
        let cube = Shape::Box { centre: vec3(0.0, 0.0, 1.0), half: vec3(0.5, 0.5, 0.5) };
        let can = Shape::Frustum { centre: Vec3::ZERO, half_height: 0.5, bottom: 1.0, top: 1.0 };
        assert!((ball.hit(from, forward).unwrap().t - (5.0 - 2.0 * 0.99f32.sqrt())).abs() < 1e-4);
        assert!((cube.hit(from, forward).unwrap().t - 5.5).abs() < 1e-5);
        assert!((can.hit(from, forward).unwrap().t - 4.0).abs() < 1e-5);
        for shape in [ball, cube, can] {
            let hit = shape.hit(from, forward).unwrap();
            assert!(hit.normal.z < 0.0 && (hit.normal.length() - 1.0).abs() < 1e-4);
            assert!(shape.hit(from, -forward).is_none(), "behind the ray");
            assert!(shape.hit(vec3(0.0, 3.0, -5.0), forward).is_none(), "beside the ray");
        }
        let cap = can.hit(vec3(0.2, 4.0, 0.1), vec3(0.0, -1.0, 0.0)).unwrap();
        assert!((cap.t - 3.5).abs() < 1e-5 && cap.normal.y == 1.0);
    }
}
