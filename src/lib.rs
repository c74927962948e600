//! Real-time promptable segmentation on the device: camera in, a look or a touch on a thing, and its mask on every
//! following frame.
//!
//! # The way through the house
//!
//! Read from the ground floor up; a module imports only from floors below its own (`tests/layering.rs` holds it).
//!
//! | floor | modules | what they do |
//! |---|---|---|
//! | 0 | [`error`], [`time`], [`geometry`] | typed errors, the capture clock, points, boxes and the letterbox |
//! | 1 | [`frame`], [`mask`], [`sync`], [`address`] | pixels to tensor, logits to mask, what threads share, what `scheme:place` names |
//! | 2 | [`engine`] | the only place that names tract: load, precision, threads, audit |
//! | 2 | [`quantize`] | from a float file and pictures to an 8-bit one |
//! | 3 | [`model`] | manifest, registry, families: from files to an encoder and a decoder |
//! | 3 | [`segment`], [`track`], [`select`] | encode once and prompt many times; follow; look and touch to prompts |
//! | 4 | [`capture`], [`input`], [`sink`] | where frames and prompts come from, where masks go |
//! | 5 | [`board`], [`pipeline`] | the machine we run on; stages, threads, statistics |
//! | 5 | `console` | the stream in a browser: a sink and a source of prompts |
//! | 6 | `cli` | arguments, progress bars, exit codes |
#![deny(unsafe_code)]

pub mod error;
pub mod geometry;
pub mod statistics;
pub mod time;

pub mod address;
pub mod frame;
pub mod mask;
pub mod sync;

pub mod engine;
pub mod quantize;

pub mod model;
pub mod segment;
pub mod select;
pub mod track;

pub mod record;
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
