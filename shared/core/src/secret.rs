//! Values that must not reach a log, an error or a debugger's print.

use std::fmt;

/// A secret string. It prints as `***`, and cannot be serialized: the only ways to its text are [`Secret::expose`]
/// and, for a field that says so, [`stored`].
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Writes a secret into an item: for fields of what is stored and shown to nobody.
pub fn stored<S: serde::Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&secret.as_ref().map(Secret::expose), serializer)
}

/// `$type` is not `Serialize`, so that no answer can have it: with that the two implementations are ambiguous, and it
/// does not compile.
#[macro_export]
macro_rules! not_serializable {
    ($type:ty) => {
        const _: fn() = || {
            trait Ambiguous<A> {
                fn told() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + serde::Serialize> Ambiguous<u8> for T {}
            <$type as Ambiguous<_>>::told();
        };
    };
}

not_serializable!(Secret);
not_serializable!(crate::key::ApiKey);
not_serializable!(crate::webhook::SigningSecret);
not_serializable!(crate::webhook::Endpoint);
