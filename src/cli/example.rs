//! `clearml-local example`.

use std::io::Write;
use std::path::PathBuf;

use serde_json::json;

use super::{Context, environment};
use crate::error::Result;
use crate::files::{self, NewFile};
use crate::hint::ours;
use crate::path::quoted;
use crate::sdk::{self, EXAMPLE};
use crate::words;

/// Write a small training script that uses the server
///
/// It records parameters, scalars, a plot, an artifact and a model, and needs only the package
/// `clearml`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local example
  clearml-local example train.py
  clearml-local example -          print it")]
pub(super) struct Args {
    /// File to write
    #[arg(
        value_name = "FILE",
        default_value = "first_experiment.py",
        value_hint = clap::ValueHint::FilePath
    )]
    file: PathBuf,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8> {
    let (output, path) = (&context.output, &args.file);
    if path.as_os_str() == "-" {
        output.data(EXAMPLE)?;
        return Ok(0);
    }
    let changed = files::read(path)?.as_deref() != Some(EXAMPLE);
    if changed {
        let mut file = NewFile::create(path)?;
        file.write_all(EXAMPLE.as_bytes())
            .map_err(|error| NewFile::failed(path, error))?;
        file.complete()?;
    }
    let mut commands = vec![
        "pip install clearml".to_owned(),
        format!("python {}", quoted(path)),
    ];
    if sdk::configured(environment, dirs::home_dir().as_deref()).is_none() {
        let configure = ours!(Configure).of(context.name.non_default());
        commands.insert(0, configure.to_string());
    }
    if output.is_json() {
        output.json(&json!({"path": path, "changed": changed, "commands": commands}))?;
        return Ok(0);
    }
    let place = words::path(path, output.policy().home.as_deref());
    output.note(&match changed {
        true => format!("Wrote {place}. Run it:"),
        false => format!("{place} is there already. Run it:"),
    });
    for command in commands {
        output.note(&format!("  {command}"));
    }
    Ok(0)
}
