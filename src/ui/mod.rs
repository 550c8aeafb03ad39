//! Everything that a person or a program sees. The rest of the crate says what
//! happened ([`crate::event`]) or what went wrong ([`crate::error`]); this room
//! decides how that looks, and [`Output`] alone owns stdout and stderr.
//!
//! stdout is data, stderr is conversation. Every renderer is a pure function to
//! text; only [`Output`] and the bars write.

mod bars;
mod changes;
mod error;
mod history;
mod json;
mod logs;
mod output;
mod paint;
mod plain;
mod policy;
mod screen;
mod sink;
mod status;
mod summary;
pub mod table;
mod timings;
mod transfer;

pub use changes::ChangesView;
pub use output::Output;
pub use paint::Paint;
pub use policy::Policy;
#[cfg(test)]
pub use policy::Surroundings;
pub use sink::Sink;
pub use status::{CheckView, ComponentView, StatusView};
pub use summary::Summary;

#[cfg(test)]
mod tests;
