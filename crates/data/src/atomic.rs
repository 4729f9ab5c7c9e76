//! Files that appear complete or not at all.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// Writes a file so that its name shows the old content or all of the new, never a part.
///
/// The bytes go to a temporary file in the same folder, are forced to the disk, and the
/// file is renamed over `path`. Whatever fails, an existing file stays as it was and the
/// temporary file is removed. An existing file's permissions are kept; a new file gets
/// the usual ones. A symbolic link at `path` is replaced, not followed.
///
/// # Errors
///
/// [`Error::IsFolder`] when `path` is a folder, [`Error::Io`] with the path and the
/// failed step otherwise.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    write_all_atomic(&[(path, bytes)])
}

/// Writes a set of files that belong together.
///
/// Every file is first written in full under a temporary name beside its target, as in
/// [`write_atomic`]; only when all are on the disk are they renamed, in the order given.
/// So a full disk, an unwritable folder or a target that is a folder changes nothing.
/// What remains is the moment between the renames: if the machine stops or a rename
/// fails there, the files before it are new and the ones after it old, each complete.
///
/// # Errors
///
/// As [`write_atomic`].
pub fn write_all_atomic(files: &[(&Path, &[u8])]) -> Result<()> {
    let prepared =
        files.iter().map(|(path, bytes)| prepare(path, bytes)).collect::<Result<Vec<_>>>()?;
    for (temporary, (path, _)) in prepared.into_iter().zip(files) {
        temporary
            .persist(path)
            .map_err(|failed| Error::io(*path, "rename the finished file")(failed.error))?;
    }
    let mut folders: Vec<_> = files.iter().map(|(path, _)| folder(path)).collect();
    folders.sort();
    folders.dedup();
    for folder in folders {
        sync_folder(&folder);
    }
    Ok(())
}

/// A temporary file beside `path` that holds `bytes`, on the disk.
fn prepare(path: &Path, bytes: &[u8]) -> Result<NamedTempFile> {
    let existing = fs::metadata(path).ok();
    if existing.as_ref().is_some_and(fs::Metadata::is_dir) {
        return Err(Error::IsFolder { path: path.to_owned() });
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".mapvec-").suffix(".tmp");
    // tempfile's default is private to the user; a map is an ordinary file. The umask
    // still applies to the mode asked for here.
    #[cfg(unix)]
    let builder = {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666))
    };
    let mut temporary =
        builder.tempfile_in(folder(path)).map_err(Error::io(path, "write into its folder"))?;
    temporary.write_all(bytes).map_err(Error::io(path, "write"))?;
    if let Some(metadata) = existing {
        fs::set_permissions(temporary.path(), metadata.permissions())
            .map_err(Error::io(path, "keep the permissions"))?;
    }
    temporary.as_file().sync_all().map_err(Error::io(path, "force to the disk"))?;
    Ok(temporary)
}

/// The folder that holds `path`.
pub(crate) fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Makes the renames in a folder durable where the system can. The files are complete
/// already, and not every file system can do this, so a refusal is no error.
pub(crate) fn sync_folder(folder: &Path) {
    if cfg!(unix)
        && let Ok(handle) = File::open(folder)
    {
        handle.sync_all().unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn replaces_a_file_and_leaves_no_temporary() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.svg");
        write_atomic(&path, b"old").unwrap();
        write_atomic(&path, b"new and longer").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new and longer");
        assert_eq!(names(folder.path()), ["map.svg"]);
    }

    #[test]
    fn a_failure_leaves_the_whole_set_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let good = folder.path().join("a.json");
        let bad = folder.path().join("b.json");
        fs::write(&good, b"old").unwrap();
        fs::create_dir(&bad).unwrap();
        let error = write_all_atomic(&[(&good, b"new"), (&bad, b"new")]).unwrap_err();
        assert!(matches!(error, Error::IsFolder { .. }), "{error}");
        assert_eq!(fs::read(&good).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.json", "b.json"]);
    }

    #[test]
    fn a_folder_that_is_a_file_or_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), b"x").unwrap();
        for parent in ["file", "missing"] {
            let path = folder.path().join(parent).join("map.json");
            let message = write_atomic(&path, b"new").unwrap_err().to_string();
            assert!(message.contains(path.to_str().unwrap()), "{message}");
        }
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_ordinary_and_kept() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (plain, path) = (folder.path().join("plain"), folder.path().join("map"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        fs::write(&plain, b"").unwrap();
        write_atomic(&path, b"a").unwrap();
        assert_eq!(mode(&path), mode(&plain), "as any new file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        write_atomic(&path, b"b").unwrap();
        assert_eq!(mode(&path), 0o640, "kept");
    }
}
