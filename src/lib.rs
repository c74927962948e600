//! Real-time promptable segmentation on the device: camera in, a look or a touch on a thing, and its mask on every
//! following frame.
//!
//! # Layers
//!
//! A module imports only from layers below its own; `tests/layering.rs` states them all and holds it. Read from the lowest:
//!
//! | layer | modules | what they do |
//! |---|---|---|
//! | 0 | [`geometry`], [`time`], [`sync`], [`statistics`], [`text`], [`output`] | points, boxes and the letterbox; the capture clock; what threads share; medians and timings; text from outside; files that are written |
//! | 1 | [`error`], [`select`] | typed errors; gaze and touch to selections, by numbers alone |
//! | 1 | [`process`] | programs that run beside this one |
//! | 2 | [`download`] | files from the network, resumed and held against their hashes |
//! | 2 | [`picture`] | the one reader of picture files: whole, bearable, contained |
//! | 2 | [`engine`] | the only place that names tract: load, precision, threads, kernels, audit |
//! | 2 | [`address`], [`scene`] | tables of what addresses may name; a rendered world with its truth and its simulated user |
//! | 2 | `v4l2` | the system calls of Linux's video devices, for cameras and for outputs |
//! | 3 | [`frame`], [`mask`] | pixels to tensor; logits to mask |
//! | 3 | [`quantize`] | from a float file to an 8-bit one |
//! | 4 | [`model`] | from files to an encoder and a decoder |
//! | 4 | [`lift`] | from masks and depth to metres: points, sizes, grasps, clouds and meshes |
//! | 4 | [`video`] | frames in streams of bytes; videos in and out |
//! | 5 | [`capture`] | where frames come from |
//! | 5 | [`segment`], [`track`] | encode once and prompt many times; follow from frame to frame |
//! | 6 | [`record`] | what one frame's result is, and what happened |
//! | 7 | [`session`] | the objects of a stream, and what an intent does to them |
//! | 8 | [`input`], [`recording`] | where intents come from; runs in files, to be given to a session again |
//! | 9 | [`board`], [`sink`] | the machine we run on; where records go |
//! | 10 | [`eval`], [`pipeline`] | measuring a model and following on data with truth; stages on threads, budgets, statistics |
//! | 11 | `console` | the stream in a browser: a sink and a source of intents |
//! | 12 | [`cli`] | arguments, progress bars, exit codes |
#![deny(missing_docs)]
#![deny(unsafe_code)]

pub mod error;
pub mod geometry;
pub mod output;
pub mod statistics;
pub mod text;
pub mod time;

pub mod address;
pub mod download;
pub mod picture;
pub mod process;
pub mod sync;
#[cfg(all(feature = "camera", target_os = "linux"))]
mod v4l2;

pub mod frame;
pub mod lift;
pub mod mask;
pub mod video;

pub mod engine;
pub mod quantize;

pub mod model;
pub mod segment;
pub mod select;
pub mod track;

pub mod record;
pub mod recording;
pub mod scene;
pub mod session;

pub mod capture;
pub mod input;
pub mod sink;

pub mod eval;

pub mod board;
#[cfg(feature = "console")]
pub mod console;
pub mod pipeline;

#[doc(hidden)]
pub mod cli;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;

pub use error::{Error, Result};

/// Keeps the README's example compiling.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
