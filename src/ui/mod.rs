//! How things look: what is printed where, decided once; progress as moving
//! bars, plain lines or JSON; errors, tables and summaries.

mod bars;
mod error;
mod json;
mod logs;
mod output;
mod plain;
mod status;
mod summary;
pub mod words;

pub use self::logs::LogPrinter;
pub use self::output::{Format, Output, Policy, ProgressMode};
pub use self::status::{ComponentRow, StatusView};
pub use self::summary::Summary;
