use super::mesh::Mesh;
use super::pattern::{self, Colour, Weave};
use super::random::Random;
use super::texture::Texture;

/// Index of a [`Material`] in its [`Kit`].
pub(super) type MaterialId = u16;

/// How a surface answers light.
#[derive(Clone, Copy, Debug)]
pub(super) struct Material {
    /// Index of the texture that gives the colour.
    pub texture: u16,
    /// Share of light mirrored when looking straight at the surface (Schlick's F0).
    pub reflectance: f32,
    /// Blinn-Phong exponent: how sharp the highlight is.
    pub gloss: f32,
    /// Above 0 the surface shines by itself, so many times its colour, and takes no light.
    pub emission: f32,
    /// Blurs the texture by so many mipmap levels, as objects out of focus are.
    pub defocus: f32,
}

/// Where objects take materials from while a scene is built.
#[derive(Debug, Default)]
pub(super) struct Kit {
    pub materials: Vec<Material>,
    pub textures: Vec<Texture>,
}

/// A mesh and what it is made of.
pub(super) type Piece = (Mesh, MaterialId);

impl Kit {
    fn add(&mut self, texture: Texture, reflectance: f32, gloss: f32) -> MaterialId {
        self.textures.push(texture);
        let texture = (self.textures.len() - 1) as u16;
        self.materials.push(Material { texture, reflectance, gloss, emission: 0.0, defocus: 0.0 });
        (self.materials.len() - 1) as MaterialId
    }

    /// No shine: cloth, paper, plaster.
    pub fn matte(&mut self, texture: Texture) -> MaterialId {
        self.add(texture, 0.015, 6.0)
    }

    /// A broad, weak highlight: wood, painted wood, cardboard.
    pub fn satin(&mut self, texture: Texture) -> MaterialId {
        self.add(texture, 0.03, 18.0)
    }

    /// A sharp highlight: glazed ceramic, plastic, fruit.
    pub fn glossy(&mut self, texture: Texture) -> MaterialId {
        self.add(texture, 0.055, 90.0)
    }

    /// Mirrors much of its surroundings.
    pub fn metallic(&mut self, texture: Texture) -> MaterialId {
        self.add(texture, 0.35, 40.0)
    }

    /// Shines by itself.
    pub fn luminous(&mut self, texture: Texture, emission: f32) -> MaterialId {
        let id = self.matte(texture);
        self.materials[id as usize].emission = emission;
        id
    }

    pub fn blurred(&mut self, id: MaterialId, levels: f32) -> MaterialId {
        self.materials[id as usize].defocus = levels;
        id
    }

    /// Painted wood or plastic of one colour.
    pub fn painted(&mut self, random: &mut Random, colour: Colour) -> MaterialId {
        let texture = pattern::paint(random, colour);
        if random.chance(0.5) { self.glossy(texture) } else { self.satin(texture) }
    }

    pub fn wooden(&mut self, random: &mut Random) -> MaterialId {
        let colour = pattern::timber(random);
        let texture = pattern::wood(random, colour, 0, false);
        self.satin(texture)
    }

    /// Something a potter, painter or toymaker would choose for a smooth body.
    pub fn decorated(&mut self, random: &mut Random) -> MaterialId {
        let (a, b, c) = (pattern::pigment(random), pattern::pigment(random), pattern::pale(random));
        match random.below(9) {
            0 => {
                let texture = pattern::bands(random, [a, b, c]);
                self.glossy(texture)
            }
            1 => {
                let texture = pattern::marble(random, c, false);
                self.glossy(texture)
            }
            2 => {
                let texture = pattern::speckle(random, c, pattern::shade(a, 0.6), 48, false);
                self.satin(texture)
            }
            3 => {
                let texture = pattern::fabric(random, Weave::Dots, a, c, 8, false);
                self.glossy(texture)
            }
            4 => {
                let texture = pattern::fabric(random, Weave::Stripes, a, c, 10, false);
                self.satin(texture)
            }
            5 => self.wooden(random),
            _ => {
                let colour = if random.chance(0.3) { c } else { a };
                let texture = pattern::paint(random, colour);
                self.glossy(texture)
            }
        }
    }

    pub fn cloth(&mut self, random: &mut Random, repeats: u32, broad: bool) -> MaterialId {
        let weave = random.pick([Weave::Plain, Weave::Stripes, Weave::Check, Weave::Dots]);
        let (a, b) = (pattern::pigment(random), pattern::pale(random));
        let texture = pattern::fabric(random, weave, a, b, repeats, broad);
        self.matte(texture)
    }

    pub fn labelled(&mut self, random: &mut Random) -> MaterialId {
        let (ground, panel) = (pattern::pigment(random), pattern::pale(random));
        let ink = pattern::shade(pattern::pigment(random), 0.45);
        let texture = pattern::label(random, ground, panel, ink);
        self.glossy(texture)
    }

    pub fn steel(&mut self, random: &mut Random) -> MaterialId {
        let texture = pattern::metal(random, [0.62, 0.63, 0.64]);
        self.metallic(texture)
    }
}
