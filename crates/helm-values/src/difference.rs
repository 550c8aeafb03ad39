//! The deliberate differences from Helm.

/// A deliberate difference from Helm 4.
///
/// The list is complete: `tests/helm` compares everything else exactly, and has an
/// example for each difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Difference {
    /// A part of a `--set` argument that Helm drops silently.
    Dropped,
    /// A `--set` argument that creates very many list items, or very deep lists.
    TooManyItems,
    /// JSON that is nested deeper than 128 levels, or has half a surrogate pair.
    Json,
    /// A key that occurs twice in a mapping of a file.
    DuplicateKey,
    /// A file or an argument that is very large or deep, or is inflated by aliases.
    TooLarge,
    /// An invalid part of a file that a later key or a merge key replaces.
    Replaced,
    /// A key of a file that is a number with a fraction.
    FractionKey,
    /// A value of a type that JSON does not have.
    Tag,
    /// An integer beyond 2^53.
    WholeNumbers,
    /// A text that is valid in only one of YAML 1.1 and 1.2, or differs in meaning.
    Syntax,
}

impl Difference {
    /// All differences.
    pub const ALL: [Difference; 10] = [
        Difference::Dropped,
        Difference::TooManyItems,
        Difference::Json,
        Difference::DuplicateKey,
        Difference::TooLarge,
        Difference::Replaced,
        Difference::FractionKey,
        Difference::Tag,
        Difference::WholeNumbers,
        Difference::Syntax,
    ];

    /// The identifier of the difference, such as `duplicate-key`.
    pub fn id(self) -> &'static str {
        match self {
            Difference::Dropped => "dropped",
            Difference::TooManyItems => "too-many-items",
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

    /// Describes the difference and the reason for it.
    pub fn reason(self) -> &'static str {
        match self {
            Difference::Dropped => {
                "Helm silently drops a value with an empty key (`=1`, `a.=1`), an index without \
                 a value (`a[0]`) and an empty string that is the first value of an item \
                 (`a[0].b=`). They are rejected, because they are mistakes."
            }
            Difference::TooManyItems => {
                "A few characters (`a[65536]=`) create 65537 list items, and `a[0][0]…` can be \
                 of any depth. Both are limited, to protect the memory."
            }
            Difference::Json => {
                "JSON can be nested at most 128 levels deep, and strings must be valid Unicode."
            }
            Difference::DuplicateKey => {
                "Helm silently takes the last one. It is a mistake, so it is rejected."
            }
            Difference::TooLarge => {
                "Files, arguments and keys are limited (1 MiB, 100000 values, 64 levels, keys of \
                 1 KiB): more is a mistake or a YAML bomb, and is rejected before it fills the \
                 memory."
            }
            Difference::Replaced => {
                "Helm ignores an infinite number or an empty key that another key or a merge \
                 replaces. It is rejected there too."
            }
            Difference::FractionKey => {
                "Helm rounds such a key to 32 bits before it converts it to a string: `1.10` \
                 becomes `1.1`. Quotes are required, because with quotes the key is always the \
                 same."
            }
            Difference::Tag => {
                "Binary values and dates by tag have no equivalent in JSON, and are rejected."
            }
            Difference::WholeNumbers => {
                "Helm converts numbers in files and in --set-json to 64-bit floats, so that \
                 9007199254740993 becomes 9007199254740992. Here numbers are exact."
            }
            Difference::Syntax => {
                "Helm reads YAML 1.1, and this is a reader of YAML 1.2. Punctuation in one that \
                 is text in the other (`{a:}`, `&a:b`) is rejected, and some texts are valid in \
                 only one of them. Texts that are valid in both mean the same."
            }
        }
    }
}
