//! What is installed, and what can be.

use std::path::Path;

use serde::Serialize;

use super::super::output::{print, print_json};
use super::entry::{Entry, entries, megabytes};
use crate::model::{CatalogueEntry, Measured, Registry, catalogue};

#[derive(Serialize)]
struct List<'a> {
    models: Vec<Entry<'a>>,
    /// What `foveate models pull` knows and is not installed.
    available: Vec<Available<'a>>,
}

#[derive(Serialize)]
struct Available<'a> {
    name: &'a str,
    family: &'static str,
    description: &'a str,
    licence: &'a str,
    /// What has to be agreed to, `null` where nothing has.
    terms: Option<&'a str>,
    source: &'a str,
}

/// Prints the list.
pub(super) fn run(models_dir: Option<&Path>, json: bool) -> anyhow::Result<()> {
    let registry = Registry::discover(models_dir)?;
    let models = entries(registry.list())?;
    if models.is_empty() {
        let searched: Vec<_> = registry.searched().iter().map(|d| d.display().to_string()).collect();
        tracing::warn!("no models: looked for a manifest.toml in {}", searched.join(", "));
    }
    let known = catalogue()?;
    let available: Vec<&CatalogueEntry> = known.iter().filter(|entry| registry.get(&entry.name).is_err()).collect();
    if !json {
        return print(&table(&models, &available));
    }
    let available = available.into_iter().map(|entry| Available {
        name: &entry.name,
        family: entry.family.name(),
        description: &entry.description,
        licence: &entry.licence,
        terms: entry.terms.as_deref(),
        source: &entry.source,
    });
    print_json(&List { models, available: available.collect() })
}

/// One line for each model, and for each that can be pulled.
pub(super) fn table(entries: &[Entry], available: &[&CatalogueEntry]) -> String {
    let names = entries.iter().map(|e| e.name.len()).chain(available.iter().map(|e| e.name.len()));
    let name = names.chain([4]).max().unwrap_or(4);
    let licences = entries.iter().map(|e| e.licence.len()).chain(available.iter().map(|e| e.licence.len()));
    // A text in place of a name would push everything else away.
    let licence = licences.chain([7]).max().unwrap_or(7).min(36);
    let mut text = format!(
        "{:<name$}  {:<12}  {:>9}  {:<12}  {:>8}  {:>16}  {:>17}  {:<5}  {:<licence$}  {}\n",
        "name", "family", "input", "precision", "MB", "multiply-adds", "measured ms", "files", "licence", "description"
    );
    for e in entries {
        let [w, h] = e.input_size;
        let work = e.multiply_adds.map(|work| format!("{} + {}", billions(work.encoder), billions(work.decoder)));
        text.push_str(&format!(
            "{:<name$}  {:<12}  {:>9}  {:<12}  {:>8.2}  {:>16}  {:>17}  {:<5}  {:<licence$}  {}\n",
            e.name,
            e.family,
            format!("{w}x{h}"),
            e.precisions(),
            megabytes(e.bytes),
            work.unwrap_or_else(|| "-".into()),
            e.measured.as_ref().and_then(speed).unwrap_or_else(|| "-".into()),
            if e.is_intact() { "ok" } else { "BAD" },
            e.licence,
            e.description,
        ));
    }
    if !available.is_empty() {
        text.push_str("\nfoveate models pull NAME fetches:\n");
    }
    for e in available {
        let (own, family) = (&e.name, e.family.name());
        text.push_str(&format!("{own:<name$}  {family:<12}  {:<licence$}  {}\n", e.licence, e.description));
    }
    text
}

/// Encoder and decoder in the fastest precision that was measured.
fn speed(measured: &Measured) -> Option<String> {
    let run = measured.fastest()?;
    Some(format!("{:.1} + {:.1} {}", run.encoder_ms, run.decoder_ms, run.precision.name()))
}

/// A count of operations, such as `39.2 G`.
pub(super) fn billions(count: u64) -> String {
    match count as f64 {
        count if count < 1e6 => format!("{:.1} k", count / 1e3),
        count if count < 1e9 => format!("{:.1} M", count / 1e6),
        count => format!("{:.1} G", count / 1e9),
    }
}
