use glam::vec3;

use super::kit::Material;
use super::limit::{at_least, at_most};
use super::raster::{NOTHING, Visibility};
use super::shadow::ShadowMap;
use super::texture::{STRETCH, Stretch};
use super::view::{Geometry, Planes, View};
use super::world::World;

/// Stands for every part that belongs to no object.
pub(super) const NO_PART: u32 = NOTHING;

/// Distance at which what is behind everything is lit, in metres.
const HORIZON: f32 = 50.0;

/// One row of linear colour, a plane each, with the outermost pixels repeated beyond both ends.
#[derive(Clone, Debug, Default)]
pub(super) struct ColourRow {
    /// `width + 2` values each.
    pub planes: [Vec<f32>; 3],
    /// The object's part that each of the `width + 2` pixels shows; [`NO_PART`] for the surroundings.
    pub parts: Vec<u32>,
}

impl ColourRow {
    pub fn resize(&mut self, width: usize) {
        self.planes.iter_mut().for_each(|plane| plane.resize(width + 2, 0.0));
        self.parts.resize(width + 2, NO_PART);
    }
}

/// Lights one row at a time: first what is seen is gathered into planes, then the planes are lit together.
#[derive(Debug, Default)]
pub(super) struct Shader {
    depth: Vec<f32>,
    u: Vec<f32>,
    v: Vec<f32>,
    normal: [Vec<f32>; 3],
    position: [Vec<f32>; 3],
    /// Red, green, blue as the square root of reflected light, and shine.
    colour: [Vec<f32>; 4],
    stretch: Stretch,
    /// Position on the shadow map.
    shadow: [Vec<f32>; 3],
    reflectance: Vec<f32>,
    gloss: Vec<f32>,
    emission: Vec<f32>,
    /// Share of the light that arrives, and how open the sky is above.
    lit: Vec<f32>,
    open: Vec<f32>,
}

impl Shader {
    pub fn resize(&mut self, width: usize) {
        let [nx, ny, nz] = &mut self.normal;
        let [px, py, pz] = &mut self.position;
        let [sx, sy, sz] = &mut self.shadow;
        for plane in [
            &mut self.depth,
            &mut self.u,
            &mut self.v,
            nx,
            ny,
            nz,
            px,
            py,
            pz,
            sx,
            sy,
            sz,
            &mut self.reflectance,
            &mut self.gloss,
            &mut self.emission,
            &mut self.lit,
            &mut self.open,
        ] {
            plane.resize(width, 0.0);
        }
        self.colour.iter_mut().for_each(|plane| plane.resize(width, 0.0));
    }

    /// Lights row `y` into `out`, and writes its depths in metres.
    pub fn row(
        &mut self,
        world: &World,
        view: &View,
        frame: (&Geometry, &Visibility, &ShadowMap),
        y: usize,
        out: &mut ColourRow,
        depths: &mut [f32],
    ) {
        let (geometry, visible, shadow) = frame;
        let width = visible.width;
        let surfaces = &visible.surface[y * width..][..width];
        let mut start = 0;
        while start < width {
            let surface = surfaces[start];
            let run = surfaces[start..].iter().take_while(|&&s| s == surface).count();
            let end = start + run;
            if let Some((planes, facing)) =
                geometry.planes.get(surface as usize).zip(geometry.facing.get(surface as usize))
            {
                let material = world.kit.materials[world.parts[facing.part as usize].material as usize];
                self.gather(planes, start..end, y, &material);
                self.sample(world, planes, start..end, y, &material);
                let part = if world.parts[facing.part as usize].object > 0 { facing.part } else { NO_PART };
                out.parts[start + 1..end + 1].fill(part);
            } else {
                self.clear(start..end);
                out.parts[start + 1..end + 1].fill(NO_PART);
            }
            start = end;
        }
        depths.copy_from_slice(&self.depth[..width]);
        self.locate(view, y, width);
        shadow.locate(&self.position, &self.normal, width, &mut self.shadow);
        self.occlude(world, shadow, width);
        self.light(world, view, width, out);
        for plane in &mut out.planes {
            (plane[0], plane[width + 1]) = (plane[1], plane[width]);
        }
        (out.parts[0], out.parts[width + 1]) = (out.parts[1], out.parts[width]);
    }

    /// Depth, texture coordinates and normals of a run of pixels on one triangle.
    fn gather(&mut self, planes: &Planes, run: std::ops::Range<usize>, y: usize, material: &Material) {
        let down = y as f32 + 0.5 - planes.origin[1];
        let across = run.start as f32 + 0.5 - planes.origin[0];
        let first: [f32; 6] = std::array::from_fn(|k| planes.value[k] + planes.dx[k] * across + planes.dy[k] * down);
        let depth = &mut self.depth[run.clone()];
        for (i, d) in depth.iter_mut().enumerate() {
            *d = 1.0 / at_least(first[5] + planes.dx[5] * i as i32 as f32, 1e-6);
        }
        let [nx, ny, nz] = &mut self.normal;
        for (k, plane) in [&mut self.u, &mut self.v, nx, ny, nz].into_iter().enumerate() {
            let (value, step) = (first[k], planes.dx[k]);
            let plane = &mut plane[run.clone()];
            for i in 0..depth.len().min(plane.len()) {
                plane[i] = (value + step * i as i32 as f32) * depth[i];
            }
        }
        self.reflectance[run.clone()].fill(material.reflectance);
        self.gloss[run.clone()].fill(material.gloss);
        self.emission[run].fill(material.emission);
    }

    /// The texels of a run, each stretch of it at the mipmap level that suits its step.
    fn sample(&mut self, world: &World, planes: &Planes, run: std::ops::Range<usize>, y: usize, material: &Material) {
        let texture = &world.kit.textures[material.texture as usize];
        let coarser = texture.side() * (material.defocus * std::f32::consts::LN_2).exp();
        let mut start = run.start;
        while start < run.end {
            let end = (start + STRETCH).min(run.end);
            let x = (start + end) as f32 / 2.0 - planes.origin[0];
            let down = y as f32 + 0.5 - planes.origin[1];
            let at = |k: usize| planes.value[k] + planes.dx[k] * x + planes.dy[k] * down;
            let depth = 1.0 / at(5).max(1e-6);
            let (u, v) = (at(0) * depth, at(1) * depth);
            let slope = |k: usize, value: f32| {
                [(planes.dx[k] - value * planes.dx[5]) * depth, (planes.dy[k] - value * planes.dy[5]) * depth]
            };
            let (du, dv) = (slope(0, u), slope(1, v));
            // Between the longest step and the geometric mean of both: neither much blur nor much shimmer.
            let area = (du[0] * dv[1] - du[1] * dv[0]).abs().sqrt();
            let longest = (du[0] * du[0] + dv[0] * dv[0]).max(du[1] * du[1] + dv[1] * dv[1]).sqrt();
            let level = texture.at_level(texture.level(0.5 * (area + longest) * coarser));
            let colour = self.colour.each_mut().map(|plane| &mut plane[start..end]);
            level.sample(&self.u[start..end], &self.v[start..end], &mut self.stretch, colour);
            start = end;
        }
    }

    /// A run that shows nothing: haze.
    fn clear(&mut self, run: std::ops::Range<usize>) {
        self.depth[run.clone()].fill(HORIZON);
        self.normal.iter_mut().for_each(|plane| plane[run.clone()].fill(0.0));
        self.normal[1][run.clone()].fill(1.0);
        let haze = [0.82, 0.83, 0.85, 0.0];
        self.colour.iter_mut().zip(haze).for_each(|(plane, value)| plane[run.clone()].fill(value));
        self.reflectance[run.clone()].fill(0.0);
        self.gloss[run.clone()].fill(1.0);
        self.emission[run].fill(1.0);
    }

    /// World positions and unit normals of the whole row.
    fn locate(&mut self, view: &View, y: usize, width: usize) {
        let [right, down, forward] = view.pose.axes;
        let ray_y = (y as f32 + 0.5 - view.lens.cy) / view.lens.fy;
        let base = forward + down * ray_y;
        let step = right * (1.0 / view.lens.fx);
        let origin = view.pose.position;
        let depth = &self.depth[..width];
        let axes = [(origin.x, base.x, step.x), (origin.y, base.y, step.y), (origin.z, base.z, step.z)];
        for (plane, (o, b, s)) in self.position.iter_mut().zip(axes) {
            for ((p, &d), x) in plane[..width].iter_mut().zip(depth).zip(0..width as i32) {
                *p = o + d * (b + s * (x as f32 + 0.5 - view.lens.cx));
            }
        }
        let [nx, ny, nz] = &mut self.normal;
        for ((x, y), z) in nx[..width].iter_mut().zip(&mut ny[..width]).zip(&mut nz[..width]) {
            let scale = 1.0 / at_least(*x * *x + *y * *y + *z * *z, 1e-12).sqrt();
            (*x, *y, *z) = (*x * scale, *y * scale, *z * scale);
        }
    }

    /// How much light reaches the row, and how open the sky is: contact shading on the supporting surface, on objects a
    /// fall-off towards their foot.
    fn occlude(&mut self, world: &World, shadow: &ShadowMap, width: usize) {
        let towards = world.light.towards;
        let [nx, ny, nz] = [0, 1, 2].map(|k| &self.normal[k][..width]);
        let [px, py, pz] = [0, 1, 2].map(|k| &self.position[k][..width]);
        let [sx, sy, sz] = [0, 1, 2].map(|k| &self.shadow[k][..width]);
        let (lit, open) = (&mut self.lit[..width], &mut self.open[..width]);
        for x in 0..width {
            let low = at_least(1.0 - at_least(py[x], 0.0) * 16.0, 0.0);
            open[x] = 1.0 - low * (0.5 - 0.5 * ny[x]) * 0.6;
            lit[x] = nx[x] * towards.x + ny[x] * towards.y + nz[x] * towards.z;
        }
        const BLOCK: usize = 4;
        let stands = |x: usize| ny[x] > 0.9 && py[x] < 0.004 && py[x] > -0.01;
        for start in (0..width).step_by(BLOCK) {
            let end = (start + BLOCK).min(width);
            let last = end - 1;
            // On the supporting surface the ends of a block speak for its middle: contact shading is smooth, and where
            // both ends are far from any shadow so is all between.
            let flat = (start..end).all(stands);
            if flat {
                let (from, to) = (shadow.openness(px[start], pz[start]), shadow.openness(px[last], pz[last]));
                for (i, open) in open[start..end].iter_mut().enumerate() {
                    *open = from + (to - from) * (i as i32 as f32 * (1.0 / (BLOCK - 1) as f32));
                }
            }
            let ends = [start, last].map(|x| shadow.clear(sx[x], sy[x], sz[x]));
            if flat && ends == [true; 2] && lit[start] > 0.0 {
                lit[start..end].fill(1.0);
                continue;
            }
            for x in start..end {
                if lit[x] > 0.0 {
                    lit[x] = shadow.lit(sx[x], sy[x], sz[x]);
                }
                if !flat && stands(x) {
                    open[x] = shadow.openness(px[x], pz[x]);
                }
            }
        }
    }

    /// Lambert's diffuse term, Blinn's highlight, a hemisphere of ambient light and Fresnel reflection of a plain
    /// surrounding with one bright window.
    fn light(&self, world: &World, view: &View, width: usize, out: &mut ColourRow) {
        let light = &world.light;
        let eye = view.pose.position;
        let window = vec3(-light.towards.x, 0.75, 0.4).normalize_or_zero();
        let [red, green, blue] = &mut out.planes;
        let (red, green, blue) = (&mut red[1..=width], &mut green[1..=width], &mut blue[1..=width]);
        let [nx, ny, nz] = [0, 1, 2].map(|k| &self.normal[k][..width]);
        let [px, py, pz] = [0, 1, 2].map(|k| &self.position[k][..width]);
        let [own_red, own_green, own_blue, shine] = self.colour.each_ref().map(|plane| &plane[..width]);
        let (lit, open) = (&self.lit[..width], &self.open[..width]);
        let (reflectance, gloss, emission) =
            (&self.reflectance[..width], &self.gloss[..width], &self.emission[..width]);
        for x in 0..width {
            let n = vec3(nx[x], ny[x], nz[x]);
            let towards_eye = eye - vec3(px[x], py[x], pz[x]);
            let v = towards_eye * (1.0 / towards_eye.dot(towards_eye).sqrt());
            let n_l = at_least(n.dot(light.towards), 0.0);
            let n_v = at_least(n.dot(v), 0.0);
            let h = light.towards + v;
            let n_h = at_least(n.dot(h), 0.0) / at_least(h.dot(h), 1e-6).sqrt();

            let shine = shine[x];
            let arriving = n_l * lit[x];
            // Schlick's rational stand-in for a power, to the fourth to thin its tail.
            let k = gloss[x] * 0.25;
            let lobe = n_h / (k - k * n_h + n_h);
            let lobe = lobe * lobe;
            let highlight = reflectance[x] * shine * arriving * lobe * lobe * (gloss[x] + 8.0) * 0.125;

            let grazing = (1.0 - n_v) * (1.0 - n_v);
            let smooth = gloss[x] / (gloss[x] + 40.0) * shine * open[x];
            let fresnel = (reflectance[x] + (1.0 - reflectance[x]) * grazing * grazing * (1.0 - n_v)) * smooth;
            let mirrored = n * (2.0 * n_v) - v;
            let pane = at_most(at_least((mirrored.dot(window) - 0.82) * 9.0, 0.0), 1.0) * 1.6 * smooth;
            let up = mirrored.y * 0.5 + 0.5;
            let above = n.y * 0.5 + 0.5;
            let glow = emission[x];
            let reflects = if glow > 0.0 { 0.0 } else { 1.0 };
            let one = |k: usize, albedo: f32| {
                let ambient = light.bounce[k] + (light.sky[k] - light.bounce[k]) * above;
                let around = light.bounce[k] + (light.sky[k] * 1.3 - light.bounce[k]) * up + pane;
                let diffuse = albedo * albedo * (ambient * open[x] + light.colour[k] * arriving);
                let surface = diffuse + light.colour[k] * highlight + around * fresnel;
                surface * reflects + albedo * albedo * glow
            };
            red[x] = one(0, own_red[x]);
            green[x] = one(1, own_green[x]);
            blue[x] = one(2, own_blue[x]);
        }
    }
}
