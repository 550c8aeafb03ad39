//! All output. The rest of the crate reports what happened ([`crate::event`]) or what
//! failed ([`crate::error`]); this module decides how that looks, and only [`Output`]
//! owns stdout and stderr.
//!
//! stdout is for data, stderr for messages. Renderers are pure functions to text; only
//! [`Output`] and the bars write.

mod bars;
mod changes;
mod error;
#[cfg(test)]
mod fixtures;
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
pub(crate) use error::plain as error_text;
pub use output::Output;
pub use paint::Paint;
#[cfg(test)]
pub use policy::Environment;
pub use policy::Policy;
pub use sink::Sink;
pub use status::{CheckView, ComponentView, FindingView, StatusView};
pub use summary::Summary;
