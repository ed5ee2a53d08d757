//! `WinAnsiEncoding`, in which the standard fonts are set (ISO 32000-1, annex D).

/// What 0x80 to 0x9F stand for.
const UPPER: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“', '”', '•', '–', '—', '˜', '™',
    'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

/// The byte of a character that leaves ink, or of a space.
pub(super) fn byte(c: char) -> Option<u8> {
    match c {
        ' '..='~' | '\u{A0}'..='ÿ' => u8::try_from(u32::from(c)).ok(),
        '\0' => None,
        '−' => Some(b'-'),
        _ => (0x80..).zip(UPPER).find(|(_, upper)| *upper == c).map(|(byte, _)| byte),
    }
}
