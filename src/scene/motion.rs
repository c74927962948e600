//! How things and the camera move: closed formulas of time, so that any moment can be rendered on its own.

use std::f32::consts::TAU;

use super::random::Random;
use super::vector::{Pose, Rotation, Vec3, vec3};

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

/// What a thing does.
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

/// A thing's place and motion.
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
        let yaw = Rotation::about_y(self.yaw);
        let place = self.place(time);
        match self.motion {
            Motion::Turn { rate } => {
                let turned = (time * rate as f64) % std::f64::consts::TAU;
                Pose { rotation: Rotation::about_y(self.yaw + turned as f32), translation: place }
            }
            Motion::Roll { along, wave, radius } => {
                let rotation = Rotation::about(Vec3::UP.cross(along), wave.at(time) / radius).after(&yaw);
                let centre = vec3(0.0, radius, 0.0);
                Pose { rotation, translation: place + centre - rotation.apply(centre) }
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

/// A camera held by a person who sways round the things.
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
        let right = forward.cross(Vec3::UP).normalized();
        let down = forward.cross(right);
        let position = self.target + right * aim_x + down * aim_y + outward * (self.distance * (1.0 + distance));
        let (sr, cr) = roll.sin_cos();
        let rows = [right * cr + down * sr, down * cr - right * sr, forward];
        CameraPose { position, rotation: Rotation { rows } }
    }
}

/// Where the camera is and how it is turned.
#[derive(Clone, Copy, Debug)]
pub(super) struct CameraPose {
    pub position: Vec3,
    /// World to camera: the rows are the camera's right, down and forward.
    pub rotation: Rotation,
}

impl CameraPose {
    pub fn to_camera(self, world: Vec3) -> Vec3 {
        self.rotation.apply(world - self.position)
    }
}
