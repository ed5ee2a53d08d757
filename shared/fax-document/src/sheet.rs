//! The geometry of a fax page.

use crate::options::{Paper, Resolution};

/// Pixels across every page (ITU-T T.4, §2.1: 1728 along a scan line of 215 mm).
pub const COLUMNS: u32 = 1728;

/// Pixels to the inch across.
pub(crate) const DPI_X: f64 = 204.0;

/// Points to the inch, as PDF counts.
pub(crate) const POINTS: f64 = 72.0;

/// One page: [`COLUMNS`] by `rows` pixels, each 1/204 inch wide and 1/`dpi_y` inch high.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sheet {
    pub(crate) rows: u32,
    pub(crate) dpi_y: f64,
    /// Rows above the content that are kept for a header.
    pub(crate) header: u32,
    paper_width: f64,
}

/// Where content lies on the sheet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Placement {
    /// Whether the content is turned a quarter to the left, so that its top lies along the sheet's left edge.
    pub(crate) turned: bool,
    /// Left and top of the content, in pixels.
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// Pixels per unit of the content, across and down the sheet.
    pub(crate) scale_x: f64,
    pub(crate) scale_y: f64,
    /// Size as placed, in pixels.
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Sheet {
    pub(crate) fn new(paper: Paper, resolution: Resolution) -> Self {
        let (paper_width, fine_rows) = match paper {
            Paper::Letter => (8.5, 2156),
            Paper::A4 => (210.0 / 25.4, 2291),
            Paper::Legal => (8.5, 2744),
        };
        match resolution {
            Resolution::Fine => Self { rows: fine_rows, dpi_y: 196.0, header: 0, paper_width },
            Resolution::Standard => Self { rows: fine_rows / 2, dpi_y: 98.0, header: 0, paper_width },
        }
    }

    /// The sheet with room for a header of `height` inches.
    pub(crate) fn with_header(self, height: f64) -> Self {
        Self { header: (height * self.dpi_y).ceil() as u32, ..self }
    }

    /// The sheet that a picture of this size fills, if there is one.
    pub(crate) fn of_size(width: u32, height: u32) -> Option<Self> {
        let all = Paper::ALL.into_iter().flat_map(|paper| [Resolution::Fine, Resolution::Standard].map(|r| Self::new(paper, r)));
        all.into_iter().find(|sheet| width == COLUMNS && height == sheet.rows)
    }

    /// The sheet's size in points, exact to its pixels: a scan line is 8.47 inches long whatever the paper.
    pub(crate) fn points(&self) -> (f32, f32) {
        let width = f64::from(COLUMNS) * POINTS / DPI_X;
        let height = f64::from(self.rows) * POINTS / self.dpi_y;
        (width as f32, height as f32)
    }

    /// Fits content of `width` by `height` units (square ones, more than zero) into the sheet less `margin` inches: whole, centred, turned if
    /// that makes it larger, and at most `max_scale` inches to the unit.
    pub(crate) fn place(&self, width: f64, height: f64, margin: f64, max_scale: f64) -> Placement {
        let line = f64::from(COLUMNS) / DPI_X;
        let room_x = line.min(self.paper_width) - 2.0 * margin;
        let (top, rows) = (f64::from(self.header), f64::from(self.rows - self.header));
        let room_y = rows / self.dpi_y - 2.0 * margin;
        let fit = |w: f64, h: f64| (room_x / w).min(room_y / h).min(max_scale);
        let (upright, turned) = (fit(width, height), fit(height, width));
        // Nearly square content stays upright.
        let is_turned = turned > upright * 1.01;
        let (scale, across, down) = if is_turned { (turned, height, width) } else { (upright, width, height) };
        let (scale_x, scale_y) = (scale * DPI_X, scale * self.dpi_y);
        let (width, height) = (across * scale_x, down * scale_y);
        let (x, y) = ((f64::from(COLUMNS) - width) / 2.0, top + (rows - height) / 2.0);
        Placement { turned: is_turned, x, y, scale_x, scale_y, width, height }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LETTER: (f64, f64) = (612.0, 792.0);

    fn fine() -> Sheet {
        Sheet::new(Paper::Letter, Resolution::Fine)
    }

    #[test]
    fn a_letter_page_fills_the_scan_line() {
        let place = fine().place(LETTER.0, LETTER.1, 0.0, f64::INFINITY);
        assert!(!place.turned);
        assert!((place.width - 1728.0).abs() < 1e-6 && place.height <= 2156.0 && place.height > 2145.0, "{place:?}");
    }

    #[test]
    fn a_landscape_page_is_turned() {
        let place = fine().place(LETTER.1, LETTER.0, 0.0, f64::INFINITY);
        assert!(place.turned && (place.width - 1728.0).abs() < 1e-6, "{place:?}");
    }

    #[test]
    fn a_square_stays_square_on_paper_at_both_resolutions() {
        for resolution in [Resolution::Fine, Resolution::Standard] {
            let sheet = Sheet::new(Paper::A4, resolution);
            let place = sheet.place(5.0, 5.0, 0.0, f64::INFINITY);
            assert!((place.width / DPI_X - place.height / sheet.dpi_y).abs() < 1e-9);
            assert!(place.x >= 0.0 && place.y >= 0.0 && !place.turned);
        }
    }

    #[test]
    fn an_a4_page_keeps_clear_of_what_lies_beyond_the_paper() {
        let place = Sheet::new(Paper::A4, Resolution::Fine).place(595.28, 841.89, 0.0, f64::INFINITY);
        assert!(place.width / DPI_X * 25.4 <= 210.0 + 1e-9);
    }

    #[test]
    fn the_sheet_of_a_picture_is_found_by_its_size() {
        assert_eq!(Sheet::of_size(1728, 1145), Some(Sheet::new(Paper::A4, Resolution::Standard)));
        assert_eq!(Sheet::of_size(1728, 2744), Some(Sheet::new(Paper::Legal, Resolution::Fine)));
        assert_eq!(Sheet::of_size(1728, 2155), None);
        assert_eq!(Sheet::of_size(1727, 2156), None);
    }

    #[test]
    fn the_sheet_in_points_is_the_paper_in_points() {
        let (width, height) = fine().points();
        assert!((width - 609.882).abs() < 0.001 && (height - 792.0).abs() < 0.001);
    }
}
