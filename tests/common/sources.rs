//! The source files, for tests that read them.

use std::path::{Path, PathBuf};

use clearml_local::testing::files;

/// A source file. Its path is relative to `src`, or begins with `crates/NAME/`.
pub struct Source {
    pub path: String,
    pub text: String,
}

impl Source {
    /// The text before its unit tests, and those.
    pub fn halves(&self) -> (&str, &str) {
        let tests = self.text.find("#[cfg(test)]\nmod tests {");
        self.text.split_at(tests.unwrap_or(self.text.len()))
    }

    /// Its lines of code, without comments and without the module of its unit tests.
    pub fn code(&self) -> Vec<&str> {
        let lines = self.halves().0.lines();
        lines
            .filter(|line| {
                let line = line.trim_start();
                !line.is_empty() && !line.starts_with("//")
            })
            .collect()
    }

    /// The modules that the file declares for tests only, as paths without `.rs`.
    pub fn test_modules(&self) -> Vec<String> {
        let dir = match self.path.strip_suffix("mod.rs") {
            Some(dir) => dir.to_owned(),
            None => format!("{}/", self.path.trim_end_matches(".rs")),
        };
        let declared = self.text.split("#[cfg(test)]\n").skip(1);
        declared
            .filter_map(|rest| {
                let line = rest.lines().next()?.strip_suffix(';')?;
                let (_, name) = line.split_once("mod ")?;
                Some(format!("{dir}{name}"))
            })
            .collect()
    }
}

/// All source files, without those that only tests compile.
pub fn sources() -> Vec<Source> {
    let mut sources = all_sources();
    let tests: Vec<String> = sources.iter().flat_map(Source::test_modules).collect();
    sources.retain(|source| {
        let path = source.path.as_str();
        !tests.iter().any(|test| {
            let rest = path.strip_prefix(test.as_str());
            rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        })
    });
    sources
}

pub fn all_sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = below(&root.join("src"), "");
    let crates = files::list(&root.join("crates")).unwrap();
    assert!(!crates.is_empty(), "the crates were not found");
    for name in crates {
        let source = root.join("crates").join(&name).join("src");
        sources.extend(below(&source, &format!("crates/{name}/")));
    }
    assert!(sources.len() > 50, "the sources were not found");
    sources
}

/// The source files below a directory. Their paths begin with `prefix`.
fn below(root: &Path, prefix: &str) -> Vec<Source> {
    let mut dirs: Vec<PathBuf> = vec![root.to_owned()];
    let mut sources = Vec::new();
    while let Some(dir) = dirs.pop() {
        for name in files::list(&dir).unwrap() {
            let path = dir.join(&name);
            if path.is_dir() {
                dirs.push(path);
            } else if name.ends_with(".rs") {
                let text = files::read(&path).unwrap().unwrap();
                let short = path.strip_prefix(root).unwrap();
                let path = format!("{prefix}{}", short.display());
                sources.push(Source { path, text });
            }
        }
    }
    sources
}
