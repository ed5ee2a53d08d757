//! The page before the documents: who sends what to whom.

mod layout;
mod shape;

use crate::error::DocumentError;
use crate::gray::Gray;
use crate::sheet::Sheet;

/// What stands on a cover. Texts are one line each but for the message, whose lines are divided by `\n`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cover {
    pub to_name: Option<String>,
    pub to_number: String,
    pub from_name: Option<String>,
    pub from_number: Option<String>,
    /// The letterhead.
    pub company: Option<String>,
    /// As it is to be printed.
    pub date: String,
    pub subject: Option<String>,
    pub message: Option<String>,
    /// Whether the notice is printed that whoever gets the fax in error must not read it.
    pub confidential: bool,
}

/// Stands between the fields where a worker is told of a cover; no text has it.
const BETWEEN: char = '\u{1F}';

impl Cover {
    /// The first character that cannot be printed, and the field that it is in.
    #[must_use]
    pub fn lacks(&self) -> Option<(&'static str, char)> {
        let fields = [
            ("to_name", &self.to_name),
            ("from_name", &self.from_name),
            ("company", &self.company),
            ("subject", &self.subject),
            ("message", &self.message),
        ];
        let lacks = |text: &String, name| text.chars().find(|c| !(shape::has(*c) || *c == '\n' && name == "message"));
        fields.into_iter().find_map(|(name, text)| Some((name, lacks(text.as_ref()?, name)?)))
    }

    /// The cover's pages, at least one, before `documents` other ones.
    pub(crate) fn draw(&self, sheet: &Sheet, documents: usize) -> Result<Vec<Gray>, DocumentError> {
        layout::pages(self, sheet, documents)
    }

    /// As bytes, for [`Cover::read`].
    pub(crate) fn written(&self) -> Vec<u8> {
        let Self { to_name, to_number, from_name, from_number, company, date, subject, message, confidential } = self;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let fields = [
            text(to_name),
            to_number.clone(),
            text(from_name),
            text(from_number),
            text(company),
            date.clone(),
            text(subject),
            text(message),
            u8::from(*confidential).to_string(),
        ];
        fields.map(|field| field.replace(BETWEEN, " ")).join(&BETWEEN.to_string()).into_bytes()
    }

    /// What [`Cover::written`] wrote. A text of no characters is none.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let fields: Vec<&str> = std::str::from_utf8(bytes).ok()?.split(BETWEEN).collect();
        let &[to_name, to_number, from_name, from_number, company, date, subject, message, confidential] = fields.as_slice() else {
            return None;
        };
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Some(Self {
            to_name: text(to_name),
            to_number: to_number.to_owned(),
            from_name: text(from_name),
            from_number: text(from_number),
            company: text(company),
            date: date.to_owned(),
            subject: text(subject),
            message: text(message),
            confidential: confidential == "1",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_reads_the_cover_that_it_was_told_of() {
        let some = |text: &str| Some(text.to_owned());
        let full = Cover {
            to_name: some("Dr. Smith"),
            to_number: "+1".into(),
            from_name: some("משה"),
            from_number: some("+2"),
            company: some("A & B"),
            date: "today".into(),
            subject: some("re"),
            message: some("one\n\ntwo"),
            confidential: true,
        };
        for cover in [full, Cover::default()] {
            assert_eq!(Cover::read(&cover.written()), Some(cover));
        }
        assert_eq!(Cover::read(b"rubbish"), None);
    }

    #[test]
    fn the_character_that_no_face_has_is_named_with_its_field() {
        let with =
            |subject: &str, message: &str| Cover { subject: Some(subject.into()), message: Some(message.into()), ..Cover::default() };
        assert_eq!(with("Ärztin Ωμέγα Ёлка שלום مرحبا", "two\nlines\u{200D}").lacks(), None);
        assert_eq!(with("two\nlines", "").lacks(), Some(("subject", '\n')));
        assert_eq!(with("", "a\u{7}").lacks(), Some(("message", '\u{7}')));
        assert_eq!(with("漢字", "字").lacks(), Some(("subject", '漢')));
    }
}
