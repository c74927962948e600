use std::fmt;

use sha2::{Digest, Sha256};

use crate::text::hexadecimal;

/// A secret that opens the console: 128 random bits, in hexadecimal.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A new one from the system's generator.
    ///
    /// # Errors
    /// When the system has no random numbers to give.
    pub fn random() -> std::io::Result<Self> {
        let mut bytes = [0u8; 16];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        Ok(Token(hexadecimal(&bytes)))
    }

    /// The secret `text`, for tools that are set up once; `None` if it is shorter than 16 characters or no word.
    pub fn of(text: &str) -> Option<Self> {
        let is_word = text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_word.then(|| Token(text.to_owned()))
    }

    /// Whether `given` is this token. How long it takes tells nothing of where they differ: their digests are compared,
    /// all of them.
    pub fn is(&self, given: &str) -> bool {
        let (own, given) = (Sha256::digest(self.0.as_bytes()), Sha256::digest(given.as_bytes()));
        let difference = own.iter().zip(given.iter()).fold(0u8, |sum, (a, b)| sum | (a ^ b));
        std::hint::black_box(difference) == 0
    }

    /// The secret itself, for the link.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Logs do not learn it.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_itself_opens() {
        let token = Token::random().unwrap();
        let secret = token.reveal().to_owned();
        assert_eq!(secret.len(), 32);
        assert!(token.is(&secret));
        let upper = secret.to_uppercase();
        for wrong in ["", &secret[1..], &format!("{secret}0"), &"0".repeat(32), upper.as_str()] {
            assert!(!token.is(wrong) || wrong == secret, "{wrong}");
        }
        assert_eq!(Token::of(&secret), Some(token.clone()));
        assert!(Token::of("short").is_none() && Token::of("a secret of some words").is_none());
        assert_ne!(Token::random().unwrap(), token);
        assert!(!format!("{token:?}").contains(&secret));
    }
}
