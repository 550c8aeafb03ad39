//! What is written in the node, read without the Kubernetes API: the files of the
//! containers' logs, and the journal of the kubelet and containerd.

mod files;
mod journal;
mod lines;
mod stopped;
mod tar;

pub use self::files::FileLogs;
pub use self::journal::{Journal, JournalLine, JournalOptions};
pub(crate) use self::tar::first_file;
