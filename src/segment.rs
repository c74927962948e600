//! Encode once, prompt many times: [`Predictor`] and its parts.
