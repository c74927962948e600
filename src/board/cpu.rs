//! The name of the processor. On ARM `/proc/cpuinfo` has none: each core says who designed it and which part it is.

/// The first value of `key` in a file of `key : value` lines.
pub(super) fn field(text: &str, key: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == key).then(|| value.trim().to_owned())
    })
}

/// The processor's name from the text of `/proc/cpuinfo`: its own, or those of its cores with their numbers, as in
/// `4x Cortex-A55, 4x Cortex-A76`.
pub(super) fn name(cpuinfo: &str) -> Option<String> {
    field(cpuinfo, "model name").or_else(|| cores(cpuinfo))
}

fn cores(cpuinfo: &str) -> Option<String> {
    let mut kinds: Vec<(String, usize)> = Vec::new();
    let mut implementer = None;
    for line in cpuinfo.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        match key.trim() {
            "CPU implementer" => implementer = number(value),
            "CPU part" => {
                let (Some(implementer), Some(part)) = (implementer, number(value)) else { continue };
                let kind = core(implementer, part);
                match kinds.iter_mut().find(|(known, _)| *known == kind) {
                    Some((_, count)) => *count += 1,
                    None => kinds.push((kind, 1)),
                }
            }
            _ => {}
        }
    }
    let text: Vec<_> = kinds.into_iter().map(|(kind, count)| format!("{count}x {kind}")).collect();
    (!text.is_empty()).then(|| text.join(", "))
}

fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The name of a core by the main ID register's implementer and part number, as Arm's technical reference manuals give
/// them.
fn core(implementer: u32, part: u32) -> String {
    const ARM: u32 = 0x41;
    const NVIDIA: u32 = 0x4e;
    let name = match (implementer, part) {
        (ARM, 0xd03) => "Cortex-A53",
        (ARM, 0xd04) => "Cortex-A35",
        (ARM, 0xd05) => "Cortex-A55",
        (ARM, 0xd07) => "Cortex-A57",
        (ARM, 0xd08) => "Cortex-A72",
        (ARM, 0xd09) => "Cortex-A73",
        (ARM, 0xd0a) => "Cortex-A75",
        (ARM, 0xd0b) => "Cortex-A76",
        (ARM, 0xd0c) => "Neoverse-N1",
        (ARM, 0xd0d) => "Cortex-A77",
        (ARM, 0xd0e) => "Cortex-A76AE",
        (ARM, 0xd40) => "Neoverse-V1",
        (ARM, 0xd41) => "Cortex-A78",
        (ARM, 0xd42) => "Cortex-A78AE",
        (ARM, 0xd44) => "Cortex-X1",
        (ARM, 0xd46) => "Cortex-A510",
        (ARM, 0xd47) => "Cortex-A710",
        (ARM, 0xd49) => "Neoverse-N2",
        (ARM, 0xd4b) => "Cortex-A78C",
        (ARM, 0xd4d) => "Cortex-A715",
        (ARM, 0xd4f) => "Neoverse-V2",
        (ARM, 0xd80) => "Cortex-A520",
        (ARM, 0xd81) => "Cortex-A720",
        (NVIDIA, 0x004) => "Carmel",
        _ => return format!("core {part:#05x} of implementer {implementer:#04x}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpuinfo(cores: &[(u32, u32)]) -> String {
        let core = |(n, (implementer, part)): (usize, &(u32, u32))| {
            format!("processor\t: {n}\nCPU implementer\t: {implementer:#x}\nCPU part\t: {part:#x}\n\n")
        };
        cores.iter().enumerate().map(core).collect()
    }

    #[test]
    fn cores_have_names() {
        let (a55, a76) = ((0x41, 0xd05), (0x41, 0xd0b));
        let rows = [
            (cpuinfo(&[(0x41, 0xd08); 4]), "4x Cortex-A72"),
            (cpuinfo(&[a55, a55, a55, a55, a76, a76, a76, a76]), "4x Cortex-A55, 4x Cortex-A76"),
            (cpuinfo(&[(0x41, 0xd42); 6]), "6x Cortex-A78AE"),
            (cpuinfo(&[(0x61, 0x22)]), "1x core 0x022 of implementer 0x61"),
            ("processor : 0\nmodel name : Acme 9000\n".into(), "Acme 9000"),
        ];
        for (text, expected) in rows {
            assert_eq!(name(&text).as_deref(), Some(expected));
        }
        for text in ["", "CPU part : 0xd08\n", "CPU implementer : what\nCPU part : 0x\n"] {
            assert_eq!(name(text), None, "{text}");
        }
    }
}
