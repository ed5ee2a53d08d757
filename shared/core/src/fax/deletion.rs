//! Deleting a fax: it is hidden at once, and its document goes once the fax is final.

use jiff::{SignedDuration, Timestamp};

use super::Fax;
use crate::due;

/// A worker that came late may still write the document of a fax which another worker made. Lambda lets none live longer.
const LAST_WRITER: SignedDuration = SignedDuration::from_mins(15);

impl Fax {
    /// Hides the fax, and says which place in the list it leaves. None where it was deleted before.
    ///
    /// The document of a final one is due to be removed now; of one that is under way it is when that ends, because its carrier may yet fetch it.
    pub fn delete(&mut self, now: Timestamp) -> Option<u64> {
        let place = self.seq.take()?;
        self.deleted_at = Some(now);
        if self.status.is_final() {
            self.remove_document_at(now);
        }
        Some(place)
    }

    pub(super) fn remove_document_at(&mut self, at: Timestamp) {
        self.due_at = Some(at.as_millisecond());
        self.due_shard = Some(due::shard(&self.id.to_string()));
    }

    /// Notes that the document was removed. It is removed once more when nobody can be writing it any longer; after that nothing is due.
    pub fn document_removed(&mut self, now: Timestamp) {
        let hidden_and_final = self.deleted_at.max(self.completed_at);
        match hidden_and_final.map(|since| since + LAST_WRITER) {
            Some(again) if now < again => self.remove_document_at(again),
            _ => {
                self.due_at = None;
                self.due_shard = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fax::FaxStatus;
    use crate::fax::progress::NextAction;
    use crate::id::{AccountId, FaxId};
    use crate::phone::E164;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn queued() -> Fax {
        let number: E164 = "+12125551234".parse().unwrap();
        let fax = Fax::queued(AccountId::generate(at(0)), FaxId::generate(at(0)), number.clone(), number, 1, at(0));
        Fax { seq: Some(7), ..fax }
    }

    #[test]
    fn the_document_of_a_final_fax_is_removed_now_and_once_more_when_nobody_writes_it_any_longer() {
        let mut deleted = queued();
        deleted.end(FaxStatus::Delivered, None, at(0));
        assert_eq!((deleted.next_action(at(9)), deleted.delete(at(10)), deleted.delete(at(11))), (NextAction::Done, Some(7), None));
        assert_eq!(deleted.deleted_at, Some(at(10)));
        assert_eq!(deleted.next_action(at(10)), NextAction::RemoveDocument);
        deleted.document_removed(at(12));
        assert_eq!(deleted.next_action(at(12)), NextAction::Wait(at(10) + LAST_WRITER));
        assert_eq!(deleted.next_action(at(10) + LAST_WRITER), NextAction::RemoveDocument);
        deleted.document_removed(at(10) + LAST_WRITER);
        assert_eq!((deleted.due_at, deleted.due_shard), (None, None));
    }

    #[test]
    fn the_document_of_a_fax_under_way_stays_until_it_is_final() {
        let mut deleted = queued();
        let due = deleted.due_at;
        assert_eq!(deleted.delete(at(1)), Some(7));
        assert_eq!((deleted.due_at, deleted.next_action(at(1))), (due, NextAction::Submit(1)));
        deleted.end(FaxStatus::Failed, None, at(60));
        assert_eq!(deleted.next_action(at(60)), NextAction::RemoveDocument);
        assert!(deleted.due_shard.is_some());
    }
}
