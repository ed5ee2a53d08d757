//! Pages of a fax taken as they are.

use crate::error::ReadError;
use crate::fax_pdf::{read_fax_pdf, write_fax_pdf};
use crate::options::{Paper, Resolution};
use crate::sheet::Sheet;

/// The pages of a fax behind the first `sent`, and how many they are. Their pictures are not drawn anew: their code stays byte for byte.
///
/// # Errors
/// As [`read_fax_pdf`]; [`ReadError::NotFaxPdf`] also where there are no pages behind them.
pub fn pages_after(pdf: &[u8], sent: usize) -> Result<(Vec<u8>, usize), ReadError> {
    let pages = read_fax_pdf(pdf)?;
    let rest = pages.get(sent..).unwrap_or_default();
    Ok((write_fax_pdf(rest)?, rest.len()))
}

/// The paper and the resolution of a fax's first page.
///
/// # Errors
/// As [`read_fax_pdf`].
pub fn page_format(pdf: &[u8]) -> Result<(Paper, Resolution), ReadError> {
    let pages = read_fax_pdf(pdf)?;
    let first = pages.first().ok_or(ReadError::NotFaxPdf("it has no pages"))?;
    let formats = Paper::ALL.into_iter().flat_map(|paper| [Resolution::Fine, Resolution::Standard].map(|resolution| (paper, resolution)));
    let mut formats = formats.filter(|(paper, resolution)| Sheet::new(*paper, *resolution).rows == first.height);
    formats.next().ok_or(ReadError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bitmap, FaxPage};

    #[test]
    fn the_pages_behind_those_that_were_sent_stay_as_they_are() {
        let page = |mark: u32, height: u32| {
            let mut bitmap = Bitmap::white(crate::COLUMNS, height);
            bitmap.blacken(mark, mark);
            FaxPage { width: crate::COLUMNS, height, g4: crate::ccitt::encode_g4(&bitmap), header_bits: Some(mark) }
        };
        let pages = [page(1, 2156), page(2, 1078), page(3, 2291)];
        let pdf = write_fax_pdf(&pages).unwrap_or_default();
        for sent in 0..3 {
            let (rest, count) = pages_after(&pdf, sent).unwrap_or_default();
            assert_eq!((count, read_fax_pdf(&rest)), (3 - sent, Ok(pages[sent..].to_vec())));
        }
        for sent in [3, 4, usize::MAX] {
            assert!(matches!(pages_after(&pdf, sent), Err(ReadError::NotFaxPdf(_))), "{sent}");
        }
        assert!(pages_after(b"%PDF-1.7 nothing", 1).is_err());
    }
}
