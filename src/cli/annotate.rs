//! `foveate annotate`: behind other people's annotation tools.

use std::net::SocketAddr;
use std::time::Duration;

use crate::console::{AnnotationOptions, AnnotationServer, ConsoleOptions, LabelStudio};
use crate::error::ConfigError;

use super::console::{ProxyArgs, parse_listen};
use super::interrupt::on_interrupt;
use super::model_args::{FOLLOWED_PIXELS, ModelArgs};

/// The secret that tools send.
const TOKEN: &str = "FOVEATE_TOKEN";
/// The access token of a user of Label Studio.
const KEY: &str = "LABEL_STUDIO_API_KEY";

/// Serve annotation tools: X-AnyLabeling and Label Studio.
///
/// The tool's user marks a thing with points or a box and gets its outline; X-AnyLabeling also everything in a photo, and things followed
/// through its images. Elsewhere than on loopback a token is needed: that of the variable FOVEATE_TOKEN, or one that is printed.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct AnnotateArgs {
    /// Serve there; 0.0.0.0 for other machines and for containers
    #[arg(long, value_name = "ADDR:PORT", value_parser = parse_listen, default_value_t = ConsoleOptions::LISTEN)]
    listen: SocketAddr,
    /// Where Label Studio is, to fetch photos that its tasks only name; LABEL_STUDIO_API_KEY holds the access token of a user of it
    #[arg(long, value_name = "http://ADDRESS", value_parser = parse_address)]
    label_studio: Option<String>,
    #[command(flatten)]
    proxy: ProxyArgs,
    #[command(flatten)]
    model: ModelArgs,
}

const EXAMPLES: &str = "\
Examples:
  X-AnyLabeling on this machine (choose the model `Remote Server` there):
    foveate annotate --listen 127.0.0.1:8000
  Label Studio in a container, whose photos it holds itself:
    foveate annotate --listen 0.0.0.0:9090 --allow-host host.docker.internal --label-studio http://localhost:8080";

/// `http://HOST[:PORT][/PATH]`, without a slash at the end.
fn parse_address(text: &str) -> Result<String, String> {
    let address = text.trim_end_matches('/');
    match address.strip_prefix("http://") {
        Some(host) if !host.is_empty() && !host.contains(['@', '?', '#', ' ']) => Ok(address.to_owned()),
        _ => Err("give an address as in http://localhost:8080; https is not spoken, let a proxy do it".into()),
    }
}

/// Runs the command.
pub fn run(args: AnnotateArgs) -> anyhow::Result<()> {
    let key = secret(KEY)?;
    let mut options = AnnotationOptions::new(args.listen, FOLLOWED_PIXELS);
    options.token = secret(TOKEN)?;
    let is_set = options.token.is_some();
    options.proxy = args.proxy.options();
    options.label_studio = args.label_studio.map(|address| LabelStudio { address, key });
    let model = args.model.load()?;
    let stop = on_interrupt()?;
    let server = AnnotationServer::start(options, model)?;
    eprintln!("annotation tools reach this model at {}", server.address());
    match (server.token(), is_set) {
        (Some(token), false) => eprintln!("their key, or password, is {token} ({TOKEN} sets one that stays)"),
        (Some(_), true) => eprintln!("their key, or password, is that of {TOKEN}"),
        (None, _) => {}
    }
    while !stop.is_stopped() {
        anyhow::ensure!(server.is_alive(), "the thread that computes masks has ended: start this program again");
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// What a variable holds; `None` if it is not set, or empty.
fn secret(variable: &str) -> Result<Option<String>, ConfigError> {
    match std::env::var(variable) {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(ConfigError::Invalid { origin: variable.to_owned(), reason: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        args: AnnotateArgs,
    }

    #[test]
    fn the_examples_in_the_help_are_valid() {
        let lines: Vec<&str> = EXAMPLES.lines().filter_map(|l| l.trim().strip_prefix("foveate ")).collect();
        assert_eq!(lines.len(), 2);
        for line in lines {
            let parsed = Command::try_parse_from(line.split(' '));
            assert!(parsed.is_ok(), "{line}");
        }
    }

    #[test]
    fn label_studio_is_called_by_http() {
        assert_eq!(parse_address("http://localhost:8080/"), Ok("http://localhost:8080".into()));
        for text in ["https://a", "localhost:8080", "http://", "http://a@b", "http://a?x"] {
            assert!(parse_address(text).is_err(), "{text}");
        }
    }
}
