//! Enums that are spelled the same in items, in JSON, in messages and on the command line.

/// A text that is none of the names of an enum. The message goes on from the name of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of {}", .0.join(", "))]
pub struct UnknownName(pub &'static [&'static str]);

/// Makes an enum whose variants have one spelling each: `as_str`, `Display`, `FromStr` and serde agree on it.
macro_rules! text_enum {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$about:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$about])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::text_enum::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let unknown = $crate::text_enum::UnknownName(&[$($text),+]);
                Self::ALL.into_iter().find(|name| name.as_str() == text).ok_or(unknown)
            }
        }
    };
}

pub(crate) use text_enum;

#[cfg(test)]
mod tests {
    use super::UnknownName;
    use crate::plan::Plan;

    #[test]
    fn a_name_is_spelled_alike_everywhere_and_an_unknown_one_is_told_the_known_ones() {
        for plan in Plan::ALL {
            assert_eq!(serde_json::to_value(plan).ok(), Some(plan.as_str().into()));
            assert_eq!(plan.to_string().parse(), Ok(plan));
        }
        let unknown: Result<Plan, UnknownName> = "Pro".parse();
        assert_eq!(unknown.map_err(|e| e.to_string()), Err("must be one of free, pro, business, enterprise".to_owned()));
    }
}
