use super::*;

const FILES: [(&str, &[u8]); 5] = [
    ("baseline-420", include_bytes!("../../../tests/pictures/baseline-420.jpg")),
    ("restarts", include_bytes!("../../../tests/pictures/restarts.jpg")),
    ("progressive", include_bytes!("../../../tests/pictures/progressive.jpg")),
    ("progressive-grey", include_bytes!("../../../tests/pictures/progressive-grey.jpg")),
    ("progressive-restarts", include_bytes!("../../../tests/pictures/progressive-restarts.jpg")),
];

fn scans(data: &[u8]) -> Vec<usize> {
    (0..data.len() - 1).filter(|at| data[*at..*at + 2] == [0xff, 0xda]).collect()
}

#[test]
fn whole_images_of_every_kind_are_whole() {
    for (name, data) in FILES {
        let whole = check(data).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        assert_eq!((whole.size, whole.length), (Size::new(61, 43), data.len()), "{name}");
        assert_eq!((whole.progressive, whole.without_tables), (name.contains("progressive"), None), "{name}");
        let followed = [data, b"more that is no part of it\xff\xd9"].concat();
        assert_eq!(check(&followed), Ok(whole), "{name}");
    }
}

/// What an end marker hides from who looks for it only.
#[test]
fn a_scan_cut_anywhere_is_damaged_despite_an_end_marker() {
    for (name, data) in FILES {
        for at in scans(data)[0] + 2..data.len() - 2 {
            // A cut within an escaped 0xFF makes another marker of it.
            let cut = [&data[..at], &END[..]].concat();
            let last = at + 3 >= data.len();
            assert!(check(&cut).is_err() || last, "{name} cut at {at} of {}", data.len());
            assert!(check(&data[..at]).is_err(), "{name} ends at {at} of {}", data.len());
        }
    }
}

#[test]
fn a_missing_scan_is_damage() {
    let (_, data) = FILES[2];
    let starts = scans(data);
    assert!(starts.len() > 5);
    for scan in &starts[1..] {
        assert!(check(&[&data[..*scan], &END[..]].concat()).is_err());
    }
}

#[test]
fn a_missing_or_misplaced_part_between_restarts_is_damage() {
    let (_, data) = FILES[1];
    let marks: Vec<usize> =
        (0..data.len() - 1).filter(|at| data[*at] == 0xff && data[*at + 1] & 0xf8 == 0xd0).collect();
    assert!(marks.len() > 3);
    for pair in marks.windows(2) {
        let without = [&data[..pair[0]], &data[pair[1]..]].concat();
        assert!(check(&without).is_err());
    }
}

#[test]
fn kinds_that_are_not_read_are_named() {
    let (_, data) = FILES[0];
    let frame = data.windows(2).position(|pair| pair == [0xff, 0xc0] || pair == [0xff, 0xc1]).unwrap();
    let changed = |offset: usize, value: u8| {
        let mut data = data.to_vec();
        data[frame + offset] = value;
        check(&data)
    };
    for (found, name) in [
        (changed(1, 0xc9), "arithmetic"),
        (changed(1, 0xca), "arithmetic"),
        (changed(1, 0xc3), "lossless"),
        (changed(1, 0xc5), "hierarchical"),
        (changed(4, 12), "12 bits"),
        (check(include_bytes!("../../../tests/pictures/cmyk.jpg")), "CMYK"),
    ] {
        assert!(matches!(found, Err(Refusal::Foreign(kind, _)) if kind.contains(name)), "{name}: {found:?}");
    }
}

#[test]
fn few_bytes_that_claim_many_pixels_are_refused_at_once() {
    let (_, data) = FILES[2];
    let frame = data.windows(2).position(|pair| pair == [0xff, 0xc2]).unwrap();
    let mut data = data.to_vec();
    data[frame + 5..frame + 9].copy_from_slice(&[0x40, 0, 0x40, 0]);
    assert!(matches!(check(&data), Err(Refusal::Damaged(reason)) if reason.contains("too few bytes")));
}

/// A progressive image may repeat scans that cost its decoder much and its file nothing.
#[test]
fn scans_that_repeat_each_other_are_refused() {
    let (_, data) = FILES[3];
    let starts = scans(data);
    let repeated = [&data[..starts[2]], &data[starts[1]..starts[2]], &data[starts[1]..]].concat();
    assert!(matches!(check(&repeated), Err(Refusal::Damaged(reason)) if reason.contains("follow")));
}

#[test]
fn cameras_without_end_marker_are_completed_and_cut_images_not() {
    for (name, data) in &FILES[..2] {
        let bare = &data[..data.len() - 2];
        for padding in [0, 1, 300] {
            let mut image = [bare, &vec![0; padding]].concat();
            assert!(check(&image).is_err(), "{name}");
            assert!(jpeg_size(&image, true).is_err() && jpeg_size(&image, false).is_ok());
            complete(&mut image);
            assert_eq!(check(&image).map(|whole| whole.size), Ok(Size::new(61, 43)), "{name}");
            let mut cut = [&bare[..bare.len() - 9], &vec![0; padding]].concat();
            complete(&mut cut);
            assert!(check(&cut).is_err(), "{name}");
        }
    }
}
