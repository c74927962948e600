use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// `text` as a QR code of half blocks, dark on light, whatever the terminal's colours; `None` if it is too long for one.
pub fn code(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    // Terminals are dark for the most part: what is printed is what is light.
    let drawn = code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
    Some(drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_fits_a_terminal() {
        let link = format!("http://192.168.100.200:8090/?token={}", "0123456789abcdef".repeat(2));
        let code = code(&link).unwrap();
        let width = code.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(width <= 60 && code.lines().count() <= 30, "{width}");
        assert_eq!(super::code(&"x".repeat(4000)), None);
    }
}
