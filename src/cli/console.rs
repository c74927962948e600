//! The console of a stream.

mod switch_handler;

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use crate::board::Board;
use crate::capture::{Exchangeable, Source, SourceOptions};
use crate::console::{AllowedHost, BasePath, Console, ConsoleOptions, ProxyOptions};
use crate::model::LoadedModel;
use crate::pipeline::{Pipeline, Running};
use crate::time::MonotonicClock;

use super::board_args::BoardArgs;
use switch_handler::{SwitchHandler, Switched};

/// Where the console is served, and what it shows.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Console")]
pub struct ConsoleArgs {
    /// Serve the console there; elsewhere than on loopback it asks for a token [default: 127.0.0.1:8090]
    #[arg(long, value_name = "ADDR:PORT", value_parser = parse_listen)]
    listen: Option<SocketAddr>,
    /// Show on the console where the user looks
    #[arg(long)]
    share_gaze: bool,
    #[command(flatten)]
    proxy: ProxyArgs,
}

/// How a reverse proxy serves the console.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ProxyArgs {
    /// The path under which a reverse proxy serves the console, such as /foveate
    #[arg(long, value_name = "PATH")]
    base_path: Option<BasePath>,
    /// A name by which a reverse proxy is called, with the port if its links have one; may be given several times
    #[arg(long = "allow-host", value_name = "NAME[:PORT]")]
    allow_hosts: Vec<AllowedHost>,
    /// The address of a reverse proxy whose X-Forwarded-For says who asks; may be given several times
    #[arg(long = "trust-proxy", value_name = "ADDR")]
    trust_proxies: Vec<IpAddr>,
}

impl ProxyArgs {
    pub fn options(&self) -> ProxyOptions {
        ProxyOptions {
            base_path: self.base_path.clone().unwrap_or_default(),
            allowed_hosts: self.allow_hosts.clone(),
            trusted: self.trust_proxies.clone(),
        }
    }
}

/// `ADDR:PORT`, or a name instead of the address: the first address that it has, one of IPv4 if it has one.
pub fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    let refused = |reason: &str| {
        format!("{reason}: give ADDR:PORT, as in 127.0.0.1:8090, localhost:8090, or 0.0.0.0:8090 for every device")
    };
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let port = text.rsplit_once(':').filter(|(name, _)| !name.is_empty()).map(|(_, port)| port.parse::<u16>());
    let Some(Ok(_)) = port else { return Err(refused(&format!("`{text}` is no address to listen on"))) };
    let found: Vec<SocketAddr> = text.to_socket_addrs().map(Iterator::collect).unwrap_or_default();
    let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
    first.copied().ok_or_else(|| refused(&format!("`{text}` names no machine that is known here")))
}

/// Whether a user at the page has taken over.
pub type Used = Arc<dyn Fn() -> bool + Send + Sync>;

/// A console that is served, or none.
pub struct Screen {
    console: Option<Console>,
    switches: Option<SwitchHandler>,
}

impl Screen {
    /// Serves a console if it is `shown`; it `takes_prompts` or only shows.
    pub fn start(args: &ConsoleArgs, shown: bool, takes_prompts: bool) -> anyhow::Result<Self> {
        Ok(Self::start_cameras(args, shown, takes_prompts, &[])?.remove(0))
    }

    /// Serves the consoles of several `cameras` in one, or that of a stream whose camera has no name.
    pub fn start_cameras(
        args: &ConsoleArgs,
        shown: bool,
        takes_prompts: bool,
        cameras: &[String],
    ) -> anyhow::Result<Vec<Self>> {
        if !shown {
            return Ok((0..cameras.len().max(1)).map(|_| Screen { console: None, switches: None }).collect());
        }
        let options = ConsoleOptions {
            listen: args.listen.unwrap_or(ConsoleOptions::LISTEN),
            takes_prompts,
            share_gaze: args.share_gaze,
            proxy: args.proxy.options(),
        };
        let consoles = Console::start_cameras(options, Arc::new(MonotonicClock), cameras)?;
        Ok(consoles.into_iter().map(|console| Screen { console: Some(console), switches: None }).collect())
    }

    /// For the demo: if the usual port is taken, any other will do.
    pub fn start_anywhere(args: &ConsoleArgs, share_gaze: bool) -> anyhow::Result<Self> {
        let args = ConsoleArgs { share_gaze: args.share_gaze || share_gaze, ..args.clone() };
        let usual = Self::start(&args, true, true);
        if usual.is_ok() || args.listen.is_some() {
            return usual;
        }
        let any = SocketAddr::new(ConsoleOptions::LISTEN.ip(), 0);
        Self::start(&ConsoleArgs { listen: Some(any), ..args }, true, true)
    }

    /// Whether somebody at the page has done something.
    pub fn used(&self) -> Used {
        match &self.console {
            Some(console) => console.used(),
            None => Arc::new(|| false),
        }
    }

    /// Prints the link.
    pub fn invite(&self) {
        if let Some(console) = &self.console {
            eprintln!("{}", console.invitation());
        }
    }

    /// Joins the console to a pipeline.
    pub fn join(&self, pipeline: Pipeline, takes_prompts: bool) -> Pipeline {
        match &self.console {
            None => pipeline,
            Some(console) if takes_prompts => pipeline.sink(console.sink()).commands(console.commands()).exchangeable(),
            Some(console) => pipeline.sink(console.sink()),
        }
    }

    /// Shows what runs. Where the page `takes_prompts` it may choose otherwise, and the source becomes one that can be
    /// exchanged.
    pub fn describe(
        &mut self,
        board: &Board,
        args: &BoardArgs,
        (source, options): (Box<dyn Source>, &SourceOptions),
        model: &LoadedModel,
        takes_prompts: bool,
    ) -> Box<dyn Source> {
        let Some(console) = &mut self.console else { return source };
        let (address, figures) = (source.info().address.clone(), switch_handler::figures(model));
        if !takes_prompts {
            console.describe(&board.name, address, figures, Default::default());
            return source;
        }
        let frame = source.info().size;
        let (source, exchange) = Exchangeable::new(source);
        let (args, options, shown) = (args.clone(), options.clone(), (&*address, frame));
        let handler = SwitchHandler::new(board.clone(), args, options, exchange, shown, figures.clone());
        console.describe(&board.name, address, figures, handler.choices());
        self.switches = Some(handler);
        Box::new(source)
    }

    /// Shows how the stream stands, and carries out the switches that the page requests.
    pub fn observe(&mut self, running: &Running) {
        let Some(console) = &mut self.console else { return };
        console.observe(running);
        let Some(handler) = &mut self.switches else { return };
        if let Some(Err(error)) = console.take_switch_request().map(|request| handler.begin(request)) {
            console.report_switch_failure(&error.to_string());
        }
        match handler.carry_out(running) {
            None => {}
            Some(Err(error)) => console.report_switch_failure(&error.to_string()),
            Some(Ok(switched)) => {
                if matches!(switched, Switched::Source) {
                    console.clear();
                }
                console.describe(&handler.board.name, handler.source.clone(), handler.model.clone(), handler.choices());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_to_listen_on_may_be_a_name() {
        assert_eq!(parse_listen("127.0.0.1:8090"), Ok(ConsoleOptions::LISTEN));
        assert_eq!(parse_listen("[::1]:0").map(|address| address.is_ipv6()), Ok(true));
        let named = parse_listen("localhost:8090").unwrap();
        assert!(named.ip().is_loopback() && named.port() == 8090, "{named}");
        for text in ["", "8090", ":8090", "localhost", "localhost:", "localhost:99999", "no such name:80"] {
            let message = parse_listen(text).unwrap_err();
            assert!(message.contains("127.0.0.1:8090") && message.contains(text), "{message}");
        }
    }
}
