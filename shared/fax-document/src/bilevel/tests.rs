//! What becomes of small grey pages.

use super::*;

fn fine(page: &Gray) -> Bitmap {
    to_bilevel(page, Resolution::Fine)
}

fn page(width: u32, height: u32, value: impl Fn(usize, usize) -> u8) -> Gray {
    let mut page = Gray::white(width, height);
    for y in 0..height as usize {
        (0..width as usize).for_each(|x| page.darken(x, y, value(x, y)));
    }
    page
}

#[test]
fn black_and_white_pass_unchanged() {
    let checks = page(64, 64, |x, y| if (x / 3 + y / 5) % 2 == 0 { 0 } else { 255 });
    let bitmap = fine(&checks);
    assert!((0..64).all(|y| (0..64).all(|x| bitmap.is_black(x, y) == ((x / 3 + y / 5) % 2 == 0))));
}

#[test]
fn a_grey_area_has_as_much_ink_as_it_is_dark() {
    for grey in [64, 128, 192] {
        let black = fine(&page(256, 256, |_, _| grey)).black_pixels() as f64;
        let wanted = 256.0 * 256.0 * (255.0 - f64::from(grey)) / 255.0;
        assert!((black - wanted).abs() < 0.02 * 256.0 * 256.0, "grey {grey}: {black} of {wanted}");
    }
}

#[test]
fn soft_edges_of_a_letter_are_cut_not_screened() {
    // Stems four pixels wide with a grey pixel on either side, as smoothing draws them.
    let bitmap = fine(&page(120, 60, |x, _| match x % 12 {
        4 | 9 => 190,
        5..=8 => 0,
        _ => 255,
    }));
    for y in 0..60 {
        assert!((0..120).all(|x| bitmap.is_black(x, y) == (5..=8).contains(&(x % 12))), "row {y}");
    }
}

#[test]
fn a_faint_hairline_is_kept_one_pixel_wide() {
    let bitmap = fine(&page(40, 40, |x, _| if x == 20 { 200 } else { 255 }));
    assert!((0..40).all(|y| (0..40).all(|x| bitmap.is_black(x, y) == (x == 20))));
}

#[test]
fn black_type_on_a_grey_ground_stays_solid() {
    let bitmap = fine(&page(96, 96, |x, y| if (40..44).contains(&x) && (20..80).contains(&y) { 0 } else { 200 }));
    assert!((20..80).all(|y| (40..44).all(|x| bitmap.is_black(x, y))));
}

#[test]
fn type_on_a_dark_grey_ground_is_not_thickened() {
    // The ground alone would be ink if it were cut.
    let bitmap = fine(&page(96, 96, |x, y| if (40..44).contains(&x) && (8..88).contains(&y) { 0 } else { 153 }));
    assert!((20..80).all(|y| (40..44).all(|x| bitmap.is_black(x, y))));
    assert!((20..80).all(|y| !bitmap.is_black(39, y) && !bitmap.is_black(44, y)));
}

#[test]
fn a_rule_beside_a_grey_field_is_not_broken() {
    // The field ends at column 48; the rule falls between columns 52 and 53.
    let bitmap = fine(&page(96, 96, |x, _| match x {
        0..48 => 190,
        52 => 100,
        53 => 155,
        _ => 255,
    }));
    assert!((0..96).all(|y| bitmap.is_black(52, y) && bitmap.is_black(53, y) && !bitmap.is_black(54, y)));
}

#[test]
fn off_white_paper_comes_out_clean() {
    assert_eq!(fine(&page(200, 200, |x, y| 228 + ((x * 7 + y * 13) % 20) as u8)).black_pixels(), 0);
}

/// Stems of type, so wide and grey, on white; on the edges half of that.
fn stems(grey: u8, widths: [usize; 4]) -> impl Fn(usize, usize) -> u8 {
    move |x, y| {
        let width = widths[x / 16 % 4];
        match x % 16 {
            _ if !(20..44).contains(&y) => 255,
            4 => grey.midpoint(255),
            at if (5..5 + width).contains(&at) => grey,
            _ => 255,
        }
    }
}

#[test]
fn strokes_of_a_grey_line_have_about_as_much_ink_as_darkness_and_none_is_lost() {
    for grey in [80, 100, 149, 190, 204] {
        let widths = [3, 5, 6, 4];
        let bitmap = fine(&page(256, 64, stems(grey, widths)));
        let mut black = 0;
        for (stem, width) in (0..16).zip(widths.iter().cycle()) {
            let columns = (0..16).filter(|x| (22..42).all(|y| bitmap.is_black(stem * 16 + x, y)));
            let columns: Vec<u32> = columns.collect();
            assert!(!columns.is_empty(), "grey {grey}, a stem of {width}");
            assert!(columns.iter().all(|x| (4..5 + *width as u32).contains(x)), "grey {grey}, a stem of {width}: {columns:?}");
            black += columns.len();
        }
        let full = widths.iter().sum::<usize>() * 4;
        let share = black as f64 / full as f64;
        let wanted = ((255.0 - f64::from(grey)) / 255.0 * 1.5).min(1.0);
        assert!((wanted - 0.1..wanted + 0.3).contains(&share), "grey {grey}: {share}, not {wanted}");
    }
}

#[test]
fn strokes_of_grey_type_are_whole_where_rows_are_twice_as_high() {
    for grey in [100, 149, 190, 204] {
        let widths = [3, 5, 6, 4];
        let bitmap = to_bilevel(&page(256, 64, stems(grey, widths)), Resolution::Standard);
        for x in (0..256).filter(|x| (5..5 + widths[x / 16 % 4]).contains(&(x % 16))).map(|x| x as u32) {
            assert!((20..44).all(|y| bitmap.is_black(x, y)), "grey {grey}, column {x}");
        }
    }
}

#[test]
fn narrow_bands_of_grey_between_black_rules_are_screened() {
    // Half of each band lies in a row of blocks, half in the next; type stands above.
    let bitmap = fine(&page(256, 96, |x, y| match y {
        25 | 26 | 37 | 38 => 0,
        27..37 => 193,
        8..20 if x % 8 < 3 => 0,
        _ => 255,
    }));
    let black = (16..240).map(|x| (28..36).filter(|y| bitmap.is_black(x, *y)).count()).sum::<usize>();
    let share = black as f64 / (224.0 * 8.0);
    assert!((0.12..0.4).contains(&share), "{share}");
    let is_dotted = |y: u32| (17..240).filter(|x| bitmap.is_black(*x, y) != bitmap.is_black(*x - 1, y)).count() > 20;
    assert!((29..35).filter(|y| is_dotted(*y)).count() >= 3);
}

#[test]
fn a_grey_rule_beside_black_type_is_neither_lost_nor_bold() {
    let bitmap = fine(&page(256, 96, |x, y| match y {
        26..31 => 160,
        12..22 if x % 8 < 3 => 0,
        _ => 255,
    }));
    let rows: Vec<u32> = (24..33).filter(|y| (16..240).all(|x| bitmap.is_black(x, *y))).collect();
    assert!((1..=4).contains(&rows.len()) && rows.iter().all(|y| (26..31).contains(y)), "{rows:?}");
    assert!((13..21).all(|y| (16..240).all(|x| bitmap.is_black(x, y) == (x % 8 < 3))), "the type is as it was");
}

#[test]
fn fine_type_on_mid_grey_stands_clear_of_the_dots() {
    // A stem of one pixel and a soft edge, black and then white, on a ground of 136.
    for (ink, edge) in [(0, 68), (255, 195)] {
        let bitmap = fine(&page(96, 96, |x, y| match x {
            48 if (8..88).contains(&y) => ink,
            49 if (8..88).contains(&y) => edge,
            _ => 136,
        }));
        let is_black = ink == 0;
        assert!((20..80).all(|y| bitmap.is_black(48, y) == is_black));
        assert!((20..80).all(|y| bitmap.is_black(47, y) != is_black && bitmap.is_black(50, y) != is_black), "ink {ink}");
    }
}

#[test]
fn a_fill_has_dots_of_the_same_size_on_paper_at_both_resolutions() {
    for grey in [64, 128, 192] {
        let [fine, standard] =
            [Resolution::Fine, Resolution::Standard].map(|resolution| to_bilevel(&page(240, 240, |_, _| grey), resolution));
        let wanted = (255.0 - f64::from(grey)) / 255.0;
        assert!((standard.black_pixels() as f64 / 57600.0 - wanted).abs() < 0.05, "grey {grey}");
        // Down a column of as many rows, standard changes colour more often.
        let changes =
            |page: &Bitmap| (0..240).map(|x| (1..240).filter(|y| page.is_black(x, *y) != page.is_black(x, *y - 1)).count()).sum::<usize>();
        let ratio = changes(&standard) as f64 / changes(&fine) as f64;
        assert!((1.3..2.6).contains(&ratio), "grey {grey}: {ratio}");
    }
}

#[test]
fn small_pale_type_is_not_lost() {
    // Stems of four pixels, of which the edges are soft, a few to the block.
    let bitmap = fine(&page(256, 64, |x, y| match x % 24 {
        _ if !(24..34).contains(&y) => 255,
        4 | 8 => 220,
        5..8 => 185,
        _ => 255,
    }));
    for stem in (0..240).step_by(24) {
        assert!((5..8).any(|x| (25..33).all(|y| bitmap.is_black(stem + x, y))), "at {stem}");
        assert!((0..24).filter(|x| !(4..9).contains(x)).all(|x| (25..33).all(|y| !bitmap.is_black(stem + x, y))));
    }
}
