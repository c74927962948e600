//! The stream in a browser: a page that shows frames with their masks and takes touch, mouse and pen as prompts. It is a
//! sink and a source of commands like any other, joined by a server on a thread of its own.
//!
//! ```text
//! pipeline ──► ConsoleSink ──► Hub ──► page, readers of NDJSON        (server's thread, one runtime)
//! pipeline ◄── ConsoleCommands ◄────── page, POST /api/prompts
//! ```
//!
//! The stream's side never waits: a frame is made into a message at most once for each size that is wanted, and only if a
//! page has shown the ones before it. `docs/console.md` describes how it is used and what it lets in.

mod access;
mod admission;
mod annotation;
mod app;
mod bucket;
mod cameras;
mod client_stream;
mod connections;
mod downloads;
mod figures;
mod frame_message;
mod front;
mod gate;
mod guard;
mod health;
mod hub;
mod jpeg;
mod message;
mod metrics;
mod names;
mod pace;
mod page;
mod proxy;
mod qr;
mod request_error;
mod response;
mod routes;
mod server;
mod session;
mod sink;
mod sites;
mod socket;
mod source;
mod token;
mod visitor;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};

pub use annotation::{AnnotationOptions, AnnotationServer, LabelStudio};
pub use figures::{BoardFigures, Choices, Figures, ModelFigures};
#[cfg(any(test, fuzzing))]
pub(crate) use message::Message;
pub use message::SwitchRequest;
pub use proxy::{AllowedHost, BasePath, ParseProxyError, ProxyOptions};

use crate::board::{Machine, Reading, Sensors, Thermometer};
use crate::error::{ConfigError, IoError, Result};
use crate::input::{Command, CommandSource};
use crate::pipeline::Running;
use crate::session::{Intent, Origin};
use crate::sink::Sink;
use crate::time::Clock;

use access::Access;
use app::App;
use hub::Hub;
use request_error::RequestError;
use server::Server;
use sink::ConsoleSink;
use sites::Sites;
use source::ConsoleCommands;
use token::Token;

/// Most commands that wait for the stream.
const MAX_COMMANDS: usize = 64;
/// How often the panels get new figures.
const FIGURES_INTERVAL: Duration = Duration::from_millis(500);

/// How a console is served.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConsoleOptions {
    /// Where to listen; port 0 takes any that is free. Elsewhere than on loopback a token is needed.
    pub listen: SocketAddr,
    /// Pages may prompt.
    pub takes_prompts: bool,
    /// Shows where the user looks.
    pub share_gaze: bool,
    /// How a reverse proxy passes requests on.
    pub proxy: ProxyOptions,
}

impl ConsoleOptions {
    /// Where the console is by default.
    pub const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8090);
}

impl Default for ConsoleOptions {
    fn default() -> Self {
        ConsoleOptions { listen: Self::LISTEN, takes_prompts: true, share_gaze: false, proxy: ProxyOptions::default() }
    }
}

/// A console that is served. Dropping it ends the server.
pub struct Console {
    hub: Arc<Hub>,
    options: ConsoleOptions,
    commands: Receiver<Command>,
    switches: Receiver<SwitchRequest>,
    link: String,
    has_token: bool,
    figures: Figures,
    sensors: Sensors,
    reported_at: Option<Instant>,
    // Last: what it serves outlives it.
    _server: Arc<Server>,
}

impl Console {
    /// Starts the server. The page is there at once, the image with the first frame. `clock` is the stream's.
    ///
    /// # Errors
    /// When the address cannot be listened on, or the system gives no thread or no random numbers.
    pub fn start(options: ConsoleOptions, clock: Arc<dyn Clock>) -> Result<Console> {
        Console::start_cameras(options, clock, &[]).map(|mut consoles| consoles.remove(0))
    }

    /// Starts one server for several `cameras`: the console of each lies under its name, and a page at the root shows them all. Without
    /// a name there is one, at the root.
    ///
    /// # Errors
    /// As [`Self::start`]; [`ConfigError::Invalid`] for a name that no link can have, or that the server
    /// needs itself.
    pub fn start_cameras(options: ConsoleOptions, clock: Arc<dyn Clock>, cameras: &[String]) -> Result<Vec<Console>> {
        let paths = cameras.iter().map(|name| camera_path(name)).collect::<Result<Vec<_>, _>>()?;
        if let Some(path) = paths.iter().find(|path| **path == options.proxy.base_path) {
            let reason = format!("a camera is called as the base path {path}: give one of them another name");
            return Err(ConfigError::Invalid { origin: "--base-path".into(), reason }.into());
        }
        let (listener, at) = server::bind(options.listen)?;
        let token = if at.ip().is_loopback() { None } else { Some(Token::random()) };
        let token = token.transpose().map_err(IoError::when("read", "the system's random numbers"))?;
        let proxy = Arc::new(options.proxy.clone());
        let mut link = format!("http://{}{}", server::outer_address(at), proxy.base_path);
        if let Some(token) = &token {
            link.push_str(&format!("?token={}", token.reveal()));
        }
        let has_token = token.is_some();
        let access = Access::new(at.ip(), at.port(), token, server::machine_names(), &proxy);
        let streams: Vec<_> = (0..cameras.len().max(1))
            .map(|_| {
                let (send_command, commands) = bounded(MAX_COMMANDS);
                let (send_switch, switches) = bounded(1);
                let hub = Arc::new(Hub::new(Arc::clone(&clock), options.takes_prompts, send_command, send_switch));
                (hub, commands, switches)
            })
            .collect();
        let app = |hub: &Arc<Hub>| App::new(Arc::clone(hub), access.clone(), Arc::clone(&proxy));
        let sites = if cameras.is_empty() {
            Sites::one(routes::router(app(&streams[0].0)))
        } else {
            let apps: Vec<_> = streams.iter().map(|(hub, ..)| app(hub).framed()).collect();
            let named = cameras.iter().cloned().zip(apps.iter().cloned()).collect();
            Sites::with_cameras(cameras::router(named), paths.into_iter().zip(apps.into_iter().map(routes::router)))
        };
        let server = Arc::new(Server::start(listener, sites, proxy)?);
        let console = |(hub, commands, switches)| Console {
            hub,
            options: options.clone(),
            commands,
            switches,
            link: link.clone(),
            has_token,
            figures: Figures::default(),
            sensors: Sensors::new("/"),
            reported_at: None,
            _server: Arc::clone(&server),
        };
        Ok(streams.into_iter().map(console).collect())
    }

    /// What to open in a browser, with the token if there is one.
    pub fn link(&self) -> &str {
        &self.link
    }

    /// The link, and where another device is to open it, a QR code of it, for a terminal.
    pub fn invitation(&self) -> String {
        let code = if self.has_token { qr::code(&self.link) } else { None };
        match code {
            Some(code) => format!("console at {}\n\n{code}", self.link),
            None => format!("console at {}", self.link),
        }
    }

    /// The sink that shows a pipeline's frames on the pages.
    pub fn sink(&self) -> Box<dyn Sink> {
        Box::new(ConsoleSink::new(Arc::clone(&self.hub), self.options.share_gaze))
    }

    /// The commands of the pages, for a pipeline.
    pub fn commands(&self) -> Box<dyn CommandSource> {
        Box::new(ConsoleCommands(self.commands.clone()))
    }

    /// Shows on the panels what runs, and what can be chosen instead.
    pub fn describe(&mut self, board: &str, source: String, model: ModelFigures, choices: Choices) {
        if self.figures.board.name != board {
            self.figures.board = BoardFigures::new(board, Machine::read("/".as_ref()));
        }
        (self.figures.source, self.figures.model, self.figures.choices) = (source, model, choices);
        self.hub.set_figures(self.figures.clone());
    }

    /// Shows on the panels how the stream stands; to be called some ten times a second.
    pub fn observe(&mut self, running: &Running) {
        if self.reported_at.is_some_and(|at| at.elapsed() < FIGURES_INTERVAL) {
            return;
        }
        self.reported_at = Some(Instant::now());
        let reading: Reading = self.sensors.read();
        self.figures.take(running, &reading);
        self.hub.set_figures(self.figures.clone());
    }

    /// Takes the request for another model, precision or source, if a page sent one.
    pub fn take_switch_request(&self) -> Option<SwitchRequest> {
        self.switches.try_recv().ok()
    }

    /// Lets every object go: what was followed is not in the image any more.
    pub fn clear(&self) {
        let command = Command { made_at: self.hub.clock.now(), origin: Origin::LOCAL, intent: Intent::ReleaseAll };
        if let Err(reason) = self.hub.command(command) {
            tracing::debug!("objects stay: {reason}");
        }
    }

    /// Shows on every page why a switch failed.
    pub fn report_switch_failure(&self, reason: &str) {
        self.hub.refuse(&RequestError::SwitchFailed(reason.to_owned()));
    }

    /// Whether a command or a switch has come from a page or by HTTP yet.
    pub fn used(&self) -> Arc<dyn Fn() -> bool + Send + Sync> {
        let hub = Arc::clone(&self.hub);
        Arc::new(move || hub.was_used())
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.hub.end();
    }
}

/// Names that the server of several cameras needs itself.
const TAKEN: [&str; 2] = ["api", "healthz"];

/// The path of a camera's console.
fn camera_path(name: &str) -> Result<BasePath, ConfigError> {
    let plain = !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c));
    let path = format!("/{name}").parse().ok().filter(|_| plain && !TAKEN.contains(&name));
    let reason = || {
        format!(
            "the console cannot show a camera of that name: give letters, digits, - and _, and not {}",
            TAKEN.join(" or ")
        )
    };
    path.ok_or_else(|| ConfigError::Invalid { origin: format!("camera {name}"), reason: reason() })
}
