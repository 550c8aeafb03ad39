//! Types and traits that several options share.

use clap::Arg;
use clap::builder::{MapValueParser, RangedI64ValueParser, TypedValueParser, ValueParserFactory};
use serde::Deserialize;

/// A port of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u16")]
pub struct Port(u16);

impl From<Port> for u16 {
    fn from(port: Port) -> u16 {
        port.0
    }
}

impl TryFrom<u16> for Port {
    type Error = &'static str;

    fn try_from(number: u16) -> Result<Port, &'static str> {
        match number {
            // The same text as clap's own check.
            0 => Err("0 is not in 1..=65535"),
            number => Ok(Port(number)),
        }
    }
}

impl ValueParserFactory for Port {
    type Parser = MapValueParser<RangedI64ValueParser<u16>, fn(u16) -> Port>;

    fn value_parser() -> Self::Parser {
        clap::value_parser!(u16).range(1..).map(Port)
    }
}

pub(super) trait ArgExt {
    /// Makes it `--option` or `--option=BOOL`. The latter overrides the environment, the
    /// settings file and earlier runs.
    fn switch(self) -> Self;
}

impl ArgExt for Arg {
    fn switch(self) -> Arg {
        self.value_name("BOOL")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .hide_possible_values(true)
    }
}
