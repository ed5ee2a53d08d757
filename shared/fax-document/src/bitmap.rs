//! A black and white page.

/// Black and white pixels, eight to the byte.
#[derive(Clone, PartialEq, Eq)]
pub struct Bitmap {
    width: u32,
    height: u32,
    stride: usize,
    bits: Vec<u8>,
}

impl Bitmap {
    /// An all-white bitmap. Takes `width` times `height` bits, so check sizes that come from outside first.
    #[must_use]
    pub fn white(width: u32, height: u32) -> Self {
        let stride = width.div_ceil(8) as usize;
        Self { width, height, stride, bits: vec![0; stride * height as usize] }
    }

    /// Pixels across.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels down.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Whether the pixel is black; beyond the edges everything is white.
    #[must_use]
    pub fn is_black(&self, x: u32, y: u32) -> bool {
        x < self.width && self.row(y).get(x as usize / 8).is_some_and(|byte| byte & (0x80 >> (x % 8)) != 0)
    }

    /// One row: the leftmost pixel in the highest bit, 1 is black, the last byte filled up with 0. Empty beyond the bottom.
    #[must_use]
    pub fn row(&self, y: u32) -> &[u8] {
        let start = (y as usize).saturating_mul(self.stride);
        if y < self.height { self.bits.get(start..start + self.stride).unwrap_or_default() } else { &[] }
    }

    /// How many pixels are black.
    #[must_use]
    pub fn black_pixels(&self) -> u64 {
        self.bits.iter().map(|byte| u64::from(byte.count_ones())).sum()
    }

    /// Whether no pixel is black.
    #[must_use]
    pub fn is_white(&self) -> bool {
        self.bits.iter().all(|byte| *byte == 0)
    }

    /// Makes a pixel black; beyond the edges nothing happens.
    pub fn blacken(&mut self, x: u32, y: u32) {
        if x < self.width
            && y < self.height
            && let Some(byte) = self.bits.get_mut(y as usize * self.stride + x as usize / 8)
        {
            *byte |= 0x80 >> (x % 8);
        }
    }

    /// Makes the rows above `y` white.
    pub(crate) fn whiten_above(&mut self, y: u32) {
        let end = (y as usize).saturating_mul(self.stride).min(self.bits.len());
        self.bits.get_mut(..end).unwrap_or_default().fill(0);
    }

    /// Sets a row's pixels from the column `from` on, a multiple of 8: 1 is black, 0 white.
    pub(crate) fn set_row(&mut self, y: u32, from: usize, black: &[u8]) {
        // Gathers the lowest bits of eight bytes, the first in the highest place.
        const GATHER: u64 = 0x8040_2010_0804_0201;
        let start = y as usize * self.stride + from / 8;
        let bytes = self.bits.get_mut(start..(y as usize + 1) * self.stride).unwrap_or_default();
        let (eights, rest) = black.as_chunks::<8>();
        for (byte, eight) in bytes.iter_mut().zip(eights) {
            *byte = (u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56) as u8;
        }
        if let Some(byte) = bytes.get_mut(eights.len()) {
            *byte = rest.iter().zip((0..8).rev()).fold(0, |byte, (black, place)| byte | black << place);
        }
    }
}

impl std::fmt::Debug for Bitmap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bitmap({} by {}, {} black)", self.width, self.height, self.black_pixels())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_beyond_the_edges_are_white_and_stay_so() {
        let mut bitmap = Bitmap::white(9, 2);
        for (x, y) in [(9, 0), (0, 2), (u32::MAX, u32::MAX)] {
            bitmap.blacken(x, y);
            assert!(!bitmap.is_black(x, y));
        }
        bitmap.blacken(8, 1);
        assert!(bitmap.is_black(8, 1) && bitmap.black_pixels() == 1);
        assert_eq!(bitmap.row(1), [0, 0x80]);
    }
}
