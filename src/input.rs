//! Prompt sources: a script.
