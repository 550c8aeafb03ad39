//! Where what a user says means something else here than to Helm, on purpose.
//! This is the one list; `tests/helm.rs` compares everything else exactly, and has
//! an example for each of these.

use std::fmt;

/// What is meant to differ from Helm 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Difference {
    /// A part of a `--set` argument that Helm drops in silence.
    Dropped,
    /// `--set` makes lists of more places in all, or lists deeper in one another,
    /// than anybody means.
    TooManyPlaces,
    /// JSON that is nested deeper than 128 levels, or with half a surrogate pair.
    Json,
    /// One key twice in a mapping of a file.
    DuplicateKey,
    /// A file or an argument that is large, deep, or grows by its aliases.
    TooLarge,
    /// What is unreadable in a file where something else takes its place.
    Replaced,
    /// A file with a key that is a number with a fraction.
    FractionKey,
    /// A file with a value of a type that JSON does not have.
    Tag,
    /// Whole numbers beyond 2^53.
    WholeNumbers,
    /// What YAML 1.1 and 1.2 write differently.
    Syntax,
}

impl Difference {
    /// All of them.
    pub const ALL: [Difference; 10] = [
        Difference::Dropped,
        Difference::TooManyPlaces,
        Difference::Json,
        Difference::DuplicateKey,
        Difference::TooLarge,
        Difference::Replaced,
        Difference::FractionKey,
        Difference::Tag,
        Difference::WholeNumbers,
        Difference::Syntax,
    ];

    /// A word for it, as in the recorded cases.
    pub fn word(self) -> &'static str {
        match self {
            Difference::Dropped => "dropped",
            Difference::TooManyPlaces => "too-many-places",
            Difference::Json => "json",
            Difference::DuplicateKey => "duplicate-key",
            Difference::TooLarge => "too-large",
            Difference::Replaced => "replaced",
            Difference::FractionKey => "fraction-key",
            Difference::Tag => "tag",
            Difference::WholeNumbers => "whole-numbers",
            Difference::Syntax => "syntax",
        }
    }

    /// Why we do it otherwise.
    pub fn reason(self) -> &'static str {
        match self {
            Difference::Dropped => {
                "Helm forgets a value whose key is empty (`=1`, `a.=1`), an index without \
                 a value (`a[0]`) and an empty value that is the first of an item \
                 (`a[0].b=`). Who types that means something, so it is refused."
            }
            Difference::TooManyPlaces => {
                "A few characters (`a[65536]=`) make 65537 places, each time; and `a[0][0]…` \
                 has no bound. Memory is kept for the server."
            }
            Difference::Json => {
                "The JSON reader stops at 128 levels, and text is always valid Unicode."
            }
            Difference::DuplicateKey => {
                "The last one wins in Helm, in silence. It is a slip, so it is refused."
            }
            Difference::TooLarge => {
                "Values files, arguments and keys are small; what is not (1 MiB, 100000 values, 64 \
                 levels, keys of 1 KiB) is a slip or a YAML bomb, and is refused before it fills \
                 the memory."
            }
            Difference::Replaced => {
                "Helm sees no infinite number or empty key where another key or a merge \
                 replaces it. It is a slip there as well."
            }
            Difference::FractionKey => {
                "Helm rounds it to 32 bits before it becomes text: `1.10` is `1.1`. With quotes \
                 it means the same everywhere, so quotes are asked for."
            }
            Difference::Tag => "No value of the chart is binary, or a date by its tag.",
            Difference::WholeNumbers => {
                "Helm keeps numbers of files and of --set-json as 64-bit floats, so that \
                 9007199254740993 becomes 9007199254740992. Here it stays."
            }
            Difference::Syntax => {
                "Helm reads YAML 1.1, we YAML 1.2. What is punctuation in the one and text in \
                 the other (`{a:}`, `&a:b`) is refused; some files are YAML to one of them \
                 alone. What both read means the same."
            }
        }
    }
}

/// Why something that a user said cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// In words, without the place.
    pub what: String,
    /// The line (from 1), in a file.
    pub line: Option<usize>,
    /// Where Helm would have taken it.
    pub difference: Option<Difference>,
}

impl Refused {
    /// What Helm refuses as well.
    pub(super) fn new(what: impl Into<String>) -> Refused {
        Refused {
            what: what.into(),
            line: None,
            difference: None,
        }
    }

    /// What Helm takes.
    pub(super) fn unlike_helm(difference: Difference, what: impl Into<String>) -> Refused {
        Refused {
            difference: Some(difference),
            ..Refused::new(what)
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Refused {}
