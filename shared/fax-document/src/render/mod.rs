//! One module a format, each of which draws its pages as grey sheets of [`COLUMNS`](crate::COLUMNS) by `rows` pixels.

pub(crate) mod font;
pub(crate) mod image;
mod jpeg;
pub(crate) mod pdf;
pub(crate) mod text;
pub(crate) mod tiff;

use crate::error::DocumentError;
use crate::gray::Gray;

/// Takes the pages in order, one at a time, so that only one is in memory.
pub(crate) type Sink<'a> = dyn FnMut(Gray) -> Result<(), DocumentError> + 'a;
