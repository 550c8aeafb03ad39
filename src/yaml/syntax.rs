//! What the parser finds wrong, in words.

use granit_parser::ErrorKind;

/// What is wrong, in plain words where it is what people get wrong.
pub(super) fn words(kind: &ErrorKind) -> String {
    let plain = match kind {
        ErrorKind::ExpectedBlockMappingKey => {
            "the indentation fits nothing above it, or a `:` is missing"
        }
        ErrorKind::ExpectedBlockSequenceEntry => {
            "the indentation fits nothing above it, or a `-` is missing"
        }
        ErrorKind::MappingValueNotAllowed => {
            "a `:` stands where none can; is the indentation right, or a quote missing?"
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            "a `:` is missing behind a key"
        }
        ErrorKind::TabInBlockIndentation
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabInIndentation => "a tab stands where only blanks can",
        ErrorKind::UnknownAnchor => "an alias names nothing above it",
        ErrorKind::ExpectedFlowMappingSeparator => "a `,` or a `}` is missing",
        ErrorKind::ExpectedFlowSequenceSeparator => "a `,` or a `]` is missing",
        ErrorKind::UnclosedQuotedScalar => "a quote is not closed",
        ErrorKind::InvalidTrailingSingleQuotedScalar
        | ErrorKind::InvalidTrailingDoubleQuotedScalar => "something stands behind a closed quote",
        ErrorKind::UnknownQuotedScalarEscape => "an escape in double quotes is unknown",
        ErrorKind::UnclosedFlowCollection { open } => return format!("`{open}` is not closed"),
        ErrorKind::UnexpectedCharacter { character } => {
            return format!("`{character}` cannot begin a value: write it in quotes");
        }
        other => return other.to_string(),
    };
    plain.to_owned()
}
