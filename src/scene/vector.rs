use std::ops::{Add, Mul, Neg, Sub};

/// A vector in metres (or a direction). World space is right-handed with y up; camera space has x right, y down and z
/// forward.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Vec3 {
    pub x: f32,
    pub y: f32,
    pub z: f32,
}

pub(super) const fn vec3(x: f32, y: f32, z: f32) -> Vec3 {
    Vec3 { x, y, z }
}

impl Vec3 {
    pub const ZERO: Vec3 = vec3(0.0, 0.0, 0.0);
    pub const UP: Vec3 = vec3(0.0, 1.0, 0.0);

    pub fn dot(self, o: Vec3) -> f32 {
        self.x * o.x + self.y * o.y + self.z * o.z
    }

    pub fn cross(self, o: Vec3) -> Vec3 {
        vec3(self.y * o.z - self.z * o.y, self.z * o.x - self.x * o.z, self.x * o.y - self.y * o.x)
    }

    pub fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// Unit length; the zero vector stays zero.
    pub fn normalized(self) -> Vec3 {
        let n = self.length();
        if n > 0.0 { self * (1.0 / n) } else { self }
    }

    /// The product axis by axis.
    pub fn scaled(self, by: Vec3) -> Vec3 {
        vec3(self.x * by.x, self.y * by.y, self.z * by.z)
    }
}

impl Add for Vec3 {
    type Output = Vec3;
    fn add(self, o: Vec3) -> Vec3 {
        vec3(self.x + o.x, self.y + o.y, self.z + o.z)
    }
}

impl Sub for Vec3 {
    type Output = Vec3;
    fn sub(self, o: Vec3) -> Vec3 {
        vec3(self.x - o.x, self.y - o.y, self.z - o.z)
    }
}

impl Mul<f32> for Vec3 {
    type Output = Vec3;
    fn mul(self, k: f32) -> Vec3 {
        vec3(self.x * k, self.y * k, self.z * k)
    }
}

impl Neg for Vec3 {
    type Output = Vec3;
    fn neg(self) -> Vec3 {
        self * -1.0
    }
}

/// A rotation matrix, by rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rotation {
    pub rows: [Vec3; 3],
}

impl Rotation {
    pub const IDENTITY: Rotation = Rotation { rows: [vec3(1.0, 0.0, 0.0), vec3(0.0, 1.0, 0.0), vec3(0.0, 0.0, 1.0)] };

    /// By `angle` radians about the unit vector `axis`, right-handed (Rodrigues).
    pub fn about(axis: Vec3, angle: f32) -> Self {
        let (s, c) = angle.sin_cos();
        let row = |e: Vec3| e * c + e.cross(axis) * s + axis * (axis.dot(e) * (1.0 - c));
        Rotation { rows: Self::IDENTITY.rows.map(row) }
    }

    pub fn about_x(angle: f32) -> Self {
        Self::about(vec3(1.0, 0.0, 0.0), angle)
    }

    pub fn about_y(angle: f32) -> Self {
        Self::about(Vec3::UP, angle)
    }

    pub fn about_z(angle: f32) -> Self {
        Self::about(vec3(0.0, 0.0, 1.0), angle)
    }

    pub fn apply(&self, v: Vec3) -> Vec3 {
        vec3(self.rows[0].dot(v), self.rows[1].dot(v), self.rows[2].dot(v))
    }

    /// Undoes [`Self::apply`].
    pub fn apply_inverse(&self, v: Vec3) -> Vec3 {
        self.rows[0] * v.x + self.rows[1] * v.y + self.rows[2] * v.z
    }

    /// First `first`, then `self`.
    pub fn after(&self, first: &Rotation) -> Rotation {
        Rotation { rows: self.rows.map(|row| first.apply_inverse(row)) }
    }
}

/// From a body's own space to the world.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pose {
    pub rotation: Rotation,
    pub translation: Vec3,
}

impl Pose {
    pub fn apply(&self, v: Vec3) -> Vec3 {
        self.rotation.apply(v) + self.translation
    }
}

/// `x`, or `low` if that is more or `x` is not a number: one instruction, where `f32::max` is several.
#[inline(always)]
pub(super) fn at_least(x: f32, low: f32) -> f32 {
    if x > low { x } else { low }
}

/// `x`, or `high` if that is less or `x` is not a number.
#[inline(always)]
pub(super) fn at_most(x: f32, high: f32) -> f32 {
    if x < high { x } else { high }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotations_turn_right_handed_compose_and_invert() {
        let quarter = Rotation::about_y(std::f32::consts::FRAC_PI_2);
        let turned = quarter.apply(vec3(0.0, 0.0, 1.0));
        assert!((turned - vec3(1.0, 0.0, 0.0)).length() < 1e-6, "{turned:?}");
        let both = Rotation::about_x(0.3).after(&Rotation::about_z(-1.1));
        let v = vec3(0.2, -3.0, 1.5);
        assert!((both.apply(v) - Rotation::about_x(0.3).apply(Rotation::about_z(-1.1).apply(v))).length() < 1e-5);
        assert!((both.apply_inverse(both.apply(v)) - v).length() < 1e-5);
    }
}
