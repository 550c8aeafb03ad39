//! Messages for syntax errors of the YAML parser.

use granit_parser::ErrorKind;

/// Describes a syntax error. Common mistakes are named by their likely cause.
pub(crate) fn message(kind: &ErrorKind) -> String {
    let message = match kind {
        ErrorKind::ExpectedBlockMappingKey => {
            "the indentation matches no line above, or a `:` is missing"
        }
        ErrorKind::ExpectedBlockSequenceEntry => {
            "the indentation matches no line above, or a `-` is missing"
        }
        ErrorKind::MappingValueNotAllowed => {
            "unexpected `:`: check the indentation and for a missing quote"
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => "missing `:` after a key",
        ErrorKind::TabInBlockIndentation
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabInIndentation => "unexpected tab: use spaces",
        ErrorKind::UnknownAnchor => "unknown anchor",
        ErrorKind::ExpectedFlowMappingSeparator => "missing `,` or `}`",
        ErrorKind::ExpectedFlowSequenceSeparator => "missing `,` or `]`",
        ErrorKind::UnclosedQuotedScalar => "a quote is not closed",
        ErrorKind::InvalidTrailingSingleQuotedScalar
        | ErrorKind::InvalidTrailingDoubleQuotedScalar => "unexpected text after a closing quote",
        ErrorKind::UnknownQuotedScalarEscape => "unknown escape sequence in double quotes",
        ErrorKind::UnclosedFlowCollection { open } => return format!("`{open}` is not closed"),
        ErrorKind::UnexpectedCharacter { character } => {
            return format!("a value cannot begin with `{character}`: write it in quotes");
        }
        other => return other.to_string(),
    };
    message.to_owned()
}
