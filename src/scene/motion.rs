//! How objects and the camera move. World space is right-handed with y up, in metres; camera space has x right, y down and
//! z forward: closed formulas of time, so that any moment can be rendered on its own.

use std::f32::consts::TAU;

use glam::{Mat3, Vec3, vec3};

use super::random::Random;

/// A swing about zero.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wave {
    pub amplitude: f32,
    /// Radians per second.
    pub rate: f32,
    pub phase: f32,
}

impl Wave {
    pub fn random(random: &mut Random, amplitude: f32, period: [f32; 2]) -> Wave {
        Wave { amplitude, rate: TAU / random.range(period[0], period[1]), phase: random.range(0.0, TAU) }
    }

    pub fn at(&self, time: f64) -> f32 {
        // Reduced in double precision, so that a stream may run for days.
        let angle = (time * self.rate as f64 + self.phase as f64) % std::f64::consts::TAU;
        self.amplitude * (angle as f32).sin()
    }
}

/// What an object does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Motion {
    Rest,
    /// Back and forth along a horizontal direction of unit length.
    Slide {
        along: Vec3,
        wave: Wave,
    },
    /// Round and round on the spot, radians per second.
    Turn {
        rate: f32,
    },
    /// As a ball of the given radius rolls, back and forth.
    Roll {
        along: Vec3,
        wave: Wave,
        radius: f32,
    },
    /// Taken up and put down again by so many metres.
    Lift {
        wave: Wave,
    },
}

/// An object's place and motion.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body {
    pub home: Vec3,
    pub yaw: f32,
    pub motion: Motion,
}

impl Body {
    /// The body that the room itself is.
    pub const FIXED: Body = Body { home: Vec3::ZERO, yaw: 0.0, motion: Motion::Rest };

    /// Where the body's origin is, or would be if it did not rotate.
    pub fn place(&self, time: f64) -> Vec3 {
        match self.motion {
            Motion::Rest | Motion::Turn { .. } => self.home,
            Motion::Slide { along, wave } | Motion::Roll { along, wave, .. } => self.home + along * wave.at(time),
            Motion::Lift { wave } => {
                let lift = (wave.at(time) / wave.amplitude).max(0.0).powi(2) * wave.amplitude;
                self.home + vec3(0.0, lift, 0.0)
            }
        }
    }

    pub fn pose(&self, time: f64) -> Pose {
        let yaw = Mat3::from_rotation_y(self.yaw);
        let place = self.place(time);
        match self.motion {
            Motion::Turn { rate } => {
                let turned = (time * rate as f64) % std::f64::consts::TAU;
                Pose { rotation: Mat3::from_rotation_y(self.yaw + turned as f32), translation: place }
            }
            Motion::Roll { along, wave, radius } => {
                let rotation = Mat3::from_axis_angle(Vec3::Y.cross(along), wave.at(time) / radius) * yaw;
                let centre = vec3(0.0, radius, 0.0);
                Pose { rotation, translation: place + centre - rotation * centre }
            }
            _ => Pose { rotation: yaw, translation: place },
        }
    }

    /// How far the body strays from its home horizontally.
    pub fn reach(&self) -> f32 {
        match self.motion {
            Motion::Slide { wave, .. } | Motion::Roll { wave, .. } => wave.amplitude,
            _ => 0.0,
        }
    }

    pub fn moves(&self) -> bool {
        !matches!(self.motion, Motion::Rest)
    }
}

/// From a body's own space to the world.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pose {
    pub rotation: Mat3,
    pub translation: Vec3,
}

impl Pose {
    pub fn apply(&self, v: Vec3) -> Vec3 {
        self.rotation * v + self.translation
    }
}

/// A camera held by a user who sways round the objects.
#[derive(Clone, Debug)]
pub(super) struct CameraPath {
    /// The point it looks at.
    pub target: Vec3,
    pub azimuth: f32,
    pub elevation: f32,
    pub distance: f32,
    /// Slow sway and quick tremor of azimuth, elevation, distance (as a share) and roll.
    pub sway: [[Wave; 2]; 4],
    /// The unsteadiness of the aim, in metres at the target.
    pub aim: [[Wave; 2]; 2],
}

impl CameraPath {
    pub fn random(random: &mut Random) -> CameraPath {
        let mut pair =
            |slow: f32, quick: f32| [Wave::random(random, slow, [11.0, 23.0]), Wave::random(random, quick, [0.7, 2.1])];
        let sway = [pair(0.16, 0.0022), pair(0.05, 0.0018), pair(0.05, 0.0015), pair(0.022, 0.0015)];
        let aim = [pair(0.014, 0.0016), pair(0.010, 0.0016)];
        let (azimuth, elevation) = (random.range(-0.5, 0.5), random.range(0.42, 0.85));
        CameraPath { target: Vec3::ZERO, azimuth, elevation, distance: 1.0, sway, aim }
    }

    pub fn at(&self, time: f64) -> CameraPose {
        let [azimuth, elevation, distance, roll] = self.sway.map(|pair| pair[0].at(time) + pair[1].at(time));
        let [aim_x, aim_y] = self.aim.map(|pair| pair[0].at(time) + pair[1].at(time));
        let (azimuth, elevation) = (self.azimuth + azimuth, self.elevation + elevation);
        let ((sa, ca), (se, ce)) = (azimuth.sin_cos(), elevation.sin_cos());
        let outward = vec3(sa * ce, se, ca * ce);
        let forward = -outward;
        let right = forward.cross(Vec3::Y).normalize_or_zero();
        let down = forward.cross(right);
        let position = self.target + right * aim_x + down * aim_y + outward * (self.distance * (1.0 + distance));
        let (sr, cr) = roll.sin_cos();
        let axes = [right * cr + down * sr, down * cr - right * sr, forward];
        CameraPose { position, axes }
    }
}

/// Where the camera is and how it is turned.
#[derive(Clone, Copy, Debug)]
pub(super) struct CameraPose {
    pub position: Vec3,
    /// The camera's right, down and forward in the world: unit vectors that are perpendicular to each other.
    pub axes: [Vec3; 3],
}

impl CameraPose {
    pub fn to_camera(self, world: Vec3) -> Vec3 {
        let offset = world - self.position;
        Vec3::from_array(self.axes.map(|axis| axis.dot(offset)))
    }

    /// Undoes [`Self::to_camera`].
    pub fn to_world(self, camera: Vec3) -> Vec3 {
        let [right, down, forward] = self.axes;
        self.position + (right * camera.x + down * camera.y + forward * camera.z)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotations_turn_right_handed_and_camera_space_inverts() {
        let turned = Mat3::from_rotation_y(std::f32::consts::FRAC_PI_2) * vec3(0.0, 0.0, 1.0);
        assert!((turned - vec3(1.0, 0.0, 0.0)).length() < 1e-6, "{turned:?}");
        let pose = CameraPath::random(&mut Random::new(5, 0)).at(3.0);
        let [right, down, forward] = pose.axes;
        assert!((right.cross(down) - forward).length() < 1e-5, "{pose:?}");
        let v = vec3(0.2, -3.0, 1.5);
        assert!((pose.to_world(pose.to_camera(v)) - v).length() < 1e-5);
        assert!((pose.to_camera(pose.position + forward * 2.0) - vec3(0.0, 0.0, 2.0)).length() < 1e-5);
    }
}
