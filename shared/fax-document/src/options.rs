//! What the caller may choose.

use std::time::Instant;

use crate::error::DocumentError;

/// The sheet of paper that a page is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Paper {
    /// 8.5 by 11 inches.
    #[default]
    Letter,
    /// 210 by 297 millimetres.
    A4,
    /// 8.5 by 14 inches.
    Legal,
}

impl Paper {
    pub(crate) const ALL: [Self; 3] = [Self::Letter, Self::A4, Self::Legal];
}

/// Lines down the page; across there are always 204 pixels to the inch (ITU-T T.4, §2: 8 pixels and 3.85 or 7.7 lines to the millimetre).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Resolution {
    /// 204 by 98 pixels to the inch.
    Standard,
    /// 204 by 196 pixels to the inch.
    #[default]
    Fine,
}

/// How much a document may cost. The defaults are those of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most pages in one fax; past it: [`DocumentError::TooManyPages`]. 200.
    pub pages: u32,
    /// Most pixels in one picture (an image file, or an image inside a PDF); past it: [`DocumentError::TooLarge`]. 100 million.
    pub image_pixels: u64,
    /// Most bytes of memory for decoding one image file; past it: [`DocumentError::TooLarge`]. 512 MiB.
    pub image_memory: u64,
    /// Most bytes in the PDF made; past it: [`DocumentError::TooLarge`]. 45 MB.
    pub pdf_bytes: usize,
    /// When to give up with [`DocumentError::TooComplex`]. Looked at before and after each page, not within one. None.
    pub deadline: Option<Instant>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pages: 200, image_pixels: 100_000_000, image_memory: 512 << 20, pdf_bytes: 45_000_000, deadline: None }
    }
}

impl Limits {
    pub(crate) fn check_deadline(&self) -> Result<(), DocumentError> {
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(DocumentError::TooComplex),
            _ => Ok(()),
        }
    }

    pub(crate) fn check_pages(&self, pages: usize) -> Result<(), DocumentError> {
        if pages > self.pages as usize {
            return Err(DocumentError::TooManyPages { pages, limit: self.pages });
        }
        Ok(())
    }

    pub(crate) fn check_pixels(&self, width: u64, height: u64) -> Result<(), DocumentError> {
        if width.saturating_mul(height) > self.image_pixels {
            let most = self.image_pixels / 1_000_000;
            return Err(DocumentError::too_large(format!("a picture has {width} by {height} pixels and may have {most} million in all")));
        }
        Ok(())
    }
}

/// How to make the fax.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// The sheet that every page is fitted to.
    pub paper: Paper,
    /// Lines down the page.
    pub resolution: Resolution,
    /// Whether content makes room for a line above it, which is empty until one is [stamped](crate::stamp).
    pub header: bool,
    /// How much the document may cost.
    pub limits: Limits,
    /// Pages of a PDF that are drawn at a time; 0 counts as 1. The pages are the same whatever it is.
    pub threads: usize,
}
