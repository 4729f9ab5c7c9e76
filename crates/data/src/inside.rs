//! Names of files from outside, looked up within one folder.

use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

/// The true path of a folder that names are looked up in.
pub(crate) fn open_root(root: &Path) -> Result<PathBuf> {
    let root = root.canonicalize().map_err(Error::io(root, "find"))?;
    let metadata = root.metadata().map_err(Error::io(&root, "inspect"))?;
    if metadata.is_dir() {
        return Ok(root);
    }
    let source = std::io::ErrorKind::NotADirectory.into();
    Err(Error::Io { path: root, action: "look into", source })
}

/// Checks a name without looking at the disk: parts divided by `/`, none of them `..`.
pub(crate) fn check_name(root: &Path, name: &str) -> Result<()> {
    // A backslash divides names on one system and is a letter on others; a colon may name a
    // drive or a stream.
    let plain = !name.is_empty() && !name.contains(['\\', ':', '\0']);
    let mut parts = Path::new(name).components();
    if plain && parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Ok(());
    }
    Err(Error::OutsideFolder { root: root.to_owned(), name: name.to_owned() })
}

/// The true path of a file in `root` (from [`open_root`]), links followed.
///
/// Nothing is read: a link that leaves the folder is refused, and so is what is no ordinary
/// file, since a pipe or a device could hold the reader up for ever.
pub(crate) fn resolve(root: &Path, name: &str) -> Result<PathBuf> {
    check_name(root, name)?;
    let path = root.join(name);
    let real = path.canonicalize().map_err(Error::io(&path, "find"))?;
    if !real.starts_with(root) {
        return Err(Error::OutsideFolder { root: root.to_owned(), name: name.to_owned() });
    }
    let metadata = real.metadata().map_err(Error::io(&real, "inspect"))?;
    if !metadata.is_file() {
        return Err(Error::NoFile { path: real });
    }
    Ok(real)
}

/// The names of the files of a folder in `root`, sorted; `.` is `root` itself. Hidden files and
/// folders are left out.
pub(crate) fn list(root: &Path, folder: &str) -> Result<Vec<String>> {
    let path = if folder == "." {
        root.to_owned()
    } else {
        check_name(root, folder)?;
        let path = root.join(folder);
        path.canonicalize().map_err(Error::io(&path, "find"))?
    };
    if !path.starts_with(root) {
        return Err(Error::OutsideFolder { root: root.to_owned(), name: folder.to_owned() });
    }
    let mut names = Vec::new();
    for entry in path.read_dir().map_err(Error::io(&path, "list"))? {
        let entry = entry.map_err(Error::io(&path, "list"))?;
        if entry.file_type().map_err(Error::io(entry.path(), "inspect"))?.is_dir() {
            continue;
        }
        let name = entry.file_name().into_string().map_err(|_| {
            let source = std::io::Error::new(std::io::ErrorKind::InvalidData, "it is not UTF-8");
            Error::Io { path: entry.path(), action: "read the name", source }
        })?;
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    // The order of a folder differs between machines.
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_are_refused() {
        let root = Path::new("folder");
        for name in ["", "..", "../a", "a/../../b", "/a", "a\\b", "C:a", "a\0b"] {
            let refused = check_name(root, name);
            assert!(matches!(refused, Err(Error::OutsideFolder { .. })), "{name:?}");
        }
        for name in ["a.png", "train/a.png", "./a", "a..png", "...", "a b/c"] {
            assert!(check_name(root, name).is_ok(), "{name:?}");
        }
    }
}
