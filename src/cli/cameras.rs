//! The cameras of `foveate run`: which address belongs to which of them.

use std::collections::HashSet;
use std::str::FromStr;

use crate::capture::SourceAddress;
use crate::error::{ConfigError, nearest_name};
use crate::input::PromptAddress;
use crate::sink::SinkAddress;

/// An address as `NAME=ADDRESS` writes it, for the camera of that name, or without a name.
#[derive(Clone, Debug)]
pub struct Named<A> {
    pub camera: Option<String>,
    pub address: A,
}

impl<A: FromStr<Err = ConfigError>> FromStr for Named<A> {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        // No address has an equals sign before its colon or question mark.
        let is_name =
            |name: &str| !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c));
        let (camera, address) = match text.split_once('=').filter(|(name, _)| is_name(name)) {
            Some((name, address)) => (Some(name.to_owned()), address),
            None => (None, text),
        };
        Ok(Named { camera, address: address.parse()? })
    }
}

/// One camera, and what is its own.
#[derive(Debug)]
pub struct Camera<'a> {
    /// `None` where there is one and its source has no name.
    pub name: Option<String>,
    pub source: &'a SourceAddress,
    pub prompts: Vec<&'a PromptAddress>,
    /// Those that it shares with the other cameras are none of them.
    pub sinks: Vec<&'a SinkAddress>,
}

/// The cameras of a run, and the sinks to which all of them write.
#[derive(Debug)]
pub struct Cameras<'a> {
    pub each: Vec<Camera<'a>>,
    pub shared: Vec<&'a SinkAddress>,
}

impl<'a> Cameras<'a> {
    /// Gives each prompt and sink to its camera. Several cameras without names are called `1`, `2` and so on.
    ///
    /// # Errors
    /// Two cameras of one name, a name that no camera has, a prompt or sink of which nobody can tell whose it is.
    pub fn new(
        sources: &'a [Named<SourceAddress>],
        prompts: &'a [Named<PromptAddress>],
        sinks: &'a [Named<SinkAddress>],
    ) -> Result<Self, ConfigError> {
        let several = sources.len() > 1;
        let camera = |(at, source): (usize, &'a Named<SourceAddress>)| {
            let name = source.camera.clone().or_else(|| several.then(|| (at + 1).to_string()));
            Camera { name, source: &source.address, prompts: Vec::new(), sinks: Vec::new() }
        };
        let mut cameras = Cameras { each: sources.iter().enumerate().map(camera).collect(), shared: Vec::new() };
        let mut names = HashSet::new();
        if let Some(name) = cameras.names().find(|name| !names.insert(*name)) {
            return Err(invalid("--source", format!("two cameras are called `{name}`: give each a name of its own")));
        }
        for Named { camera, address } in prompts {
            let is_everyones = address.is_page();
            for of in cameras.of("--prompt", camera.as_deref(), is_everyones, &address)? {
                cameras.each[of].prompts.push(address);
            }
        }
        for Named { camera, address } in sinks {
            if camera.is_none() && several && address.is_shared() {
                cameras.shared.push(address);
                continue;
            }
            for of in cameras.of("--sink", camera.as_deref(), address.is_page(), &address)? {
                cameras.each[of].sinks.push(address);
            }
        }
        Ok(cameras)
    }

    /// The names of the cameras that have one.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.each.iter().filter_map(|camera| camera.name.as_deref())
    }

    /// The cameras that an argument means by `name`.
    fn of(
        &self,
        argument: &str,
        name: Option<&str>,
        is_everyones: bool,
        address: &dyn std::fmt::Display,
    ) -> Result<Vec<usize>, ConfigError> {
        match name {
            Some(name) if is_everyones && self.each.len() > 1 => {
                Err(invalid(argument, format!("the page shows every camera: write `{address}` without `{name}=`")))
            }
            Some(name) => {
                let found = self.each.iter().position(|camera| camera.name.as_deref() == Some(name));
                found.map(|at| vec![at]).ok_or_else(|| {
                    let meant = nearest_name(name, self.names()).map(|near| format!(" (did you mean `{near}`?)"));
                    let known = self.names().collect::<Vec<_>>().join(", ");
                    let known = if known.is_empty() {
                        "name one with --source NAME=ADDRESS".into()
                    } else {
                        format!("there is {known}")
                    };
                    invalid(argument, format!("no camera is called `{name}`{}: {known}", meant.unwrap_or_default()))
                })
            }
            None if is_everyones || self.each.len() == 1 => Ok((0..self.each.len()).collect()),
            None => {
                let name = self.names().next().unwrap_or("NAME");
                Err(invalid(argument, format!("say of which camera {address} is: {argument} {name}={address}")))
            }
        }
    }
}

fn invalid(argument: &str, reason: String) -> ConfigError {
    ConfigError::Invalid { origin: argument.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<A: FromStr<Err = ConfigError>>(texts: &[&str]) -> Vec<Named<A>> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn message(sources: &[&str], prompts: &[&str], sinks: &[&str]) -> String {
        let (sources, prompts, sinks) = (parse(sources), parse(prompts), parse(sinks));
        Cameras::new(&sources, &prompts, &sinks).err().map_or("fine".into(), |e| e.to_string())
    }

    #[test]
    fn a_name_stands_before_the_address_and_an_option_is_none() {
        let rows = [
            ("left=scene:1", Some("left"), "scene:1"),
            ("scene:1", None, "scene:1"),
            ("files:a=b", None, "files:a=b"),
            ("pipe:-?format=y4m", None, "pipe:-?format=y4m"),
            ("rpicam:0?hflip=true", None, "rpicam:0?hflip=true"),
            ("2=rpicam:1?hflip=true", Some("2"), "rpicam:1?hflip=true"),
        ];
        for (text, camera, address) in rows {
            let named: Named<SourceAddress> = text.parse().unwrap();
            assert_eq!((named.camera.as_deref(), &*named.address.to_string()), (camera, address));
        }
    }

    #[test]
    fn everything_finds_its_camera() {
        let sources = parse(&["left=scene:1", "scene:2"]);
        let prompts = parse(&["left=script:a.ndjson"]);
        let sinks = parse(&["ndjson:-", "2=overlay:out"]);
        let cameras = Cameras::new(&sources, &prompts, &sinks).unwrap();
        assert_eq!(cameras.names().collect::<Vec<_>>(), ["left", "2"]);
        let counts: Vec<_> = cameras.each.iter().map(|c| (c.prompts.len(), c.sinks.len())).collect();
        assert_eq!((counts, cameras.shared.len()), (vec![(1, 0), (0, 1)], 1));
        let alone = parse(&["scene"]);
        let one = Cameras::new(&alone, &[], &sinks[..1]).unwrap();
        assert_eq!((&one.each[0].name, one.each[0].sinks.len(), one.shared.len()), (&None, 1, 0));
    }

    #[test]
    fn what_is_unclear_is_refused() {
        let two = ["left=scene:1", "right=scene:2"];
        for (said, expected) in [
            (message(&["a=scene:1", "a=scene:2"], &[], &[]), "two cameras"),
            (message(&two, &["script:a"], &[]), "--prompt left=script:a"),
            (message(&two, &["lift=script:a"], &[]), "did you mean `left`?"),
            (message(&two, &[], &["overlay:out"]), "--sink left=overlay:out"),
            (message(&["scene"], &[], &["left=ndjson:-"]), "--source NAME=ADDRESS"),
            (message(&two, &[], &["ndjson:-", "right=ndjson:a"]), "fine"),
        ] {
            assert!(said.contains(expected), "{said}");
        }
        #[cfg(feature = "console")]
        {
            assert!(message(&two, &["console"], &["left=console"]).contains("every camera"));
            assert_eq!(message(&two, &["console"], &["console"]), "fine");
        }
    }
}
