//! A large file, written piece by piece, that appears complete or not at all.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::atomic::{folder, sync_folder};
use crate::error::{Error, Result};

/// How often the temporary file may vanish under us before that is called a fault.
const ATTEMPTS: usize = 100;
/// Small writes are gathered up to this size.
const BUFFER_BYTES: usize = 1 << 18;

/// A file that is written piece by piece and takes its name only when it is complete.
///
/// The bytes go to `.NAME.tmp` in the same folder. The name is fixed, so a later run finds
/// what a killed one left, empties it and uses it: nothing piles up. The temporary file is
/// locked, so two processes cannot write the same file; the lock of a killed process
/// disappears with it. Where the file system has no locks the temporary file is
/// `.NAME.RANDOM.tmp`, another one for every writer: the last to finish gives the content, and
/// what a killed writer leaves stays there. [`AtomicFile::commit`] forces the bytes to the disk and renames;
/// dropped without that, the temporary file is removed and the target stays as it was.
#[derive(Debug)]
pub struct AtomicFile {
    target: PathBuf,
    temporary: PathBuf,
    writer: BufWriter<File>,
    committed: bool,
}

impl AtomicFile {
    /// Begins to write `path`.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] when another process writes the same file, [`Error::IsFolder`]
    /// when `path` is a folder, [`Error::Io`] otherwise.
    pub fn create(path: &Path) -> Result<Self> {
        Self::create_waiting(path, false)
    }

    fn create_waiting(path: &Path, wait: bool) -> Result<Self> {
        Self::create_by(path, wait, File::try_lock)
    }

    fn create_by(path: &Path, wait: bool, try_lock: TryLock) -> Result<Self> {
        if path.is_dir() {
            return Err(Error::IsFolder { path: path.to_owned() });
        }
        let temporary = temporary(path)?;
        for _ in 0..ATTEMPTS {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .open(&temporary)
                .map_err(Error::io(path, "write into its folder"))?;
            if !lock(&file, path, wait, try_lock)? {
                // Nobody writes into the file of the fixed name here.
                if file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
                    fs::remove_file(&temporary).unwrap_or_default();
                }
                return Self::create_unlocked(path, &temporary);
            }
            // Whoever held the lock before may have renamed or removed the file that was
            // opened here. To write into it would spoil a finished file.
            if is_at(&file, &temporary) {
                file.set_len(0).map_err(Error::io(path, "empty its temporary file"))?;
                return Ok(Self::of(path, temporary, file));
            }
        }
        Err(Error::Locked { path: path.to_owned() })
    }

    /// A temporary file that no other writer has.
    fn create_unlocked(path: &Path, fixed: &Path) -> Result<Self> {
        let mut prefix = fixed.file_stem().unwrap_or_default().to_owned();
        prefix.push(".");
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(".tmp").rand_bytes(12);
        // As any new file; the umask still applies.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let made = builder.tempfile_in(folder(path));
        let made = made.map_err(Error::io(path, "write into its folder"))?;
        let (file, temporary) = made
            .keep()
            .map_err(|failed| Error::io(path, "keep its temporary file")(failed.error))?;
        Ok(Self::of(path, temporary, file))
    }

    fn of(path: &Path, temporary: PathBuf, file: File) -> Self {
        let writer = BufWriter::with_capacity(BUFFER_BYTES, file);
        Self { target: path.to_owned(), temporary, writer, committed: false }
    }

    /// Forces what was written to the disk and gives the file its name.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; the target is then as it was before.
    pub fn commit(mut self) -> Result<()> {
        let target = self.target.clone();
        self.writer.flush().map_err(Error::io(&target, "write"))?;
        self.writer.get_ref().sync_all().map_err(Error::io(&target, "force to the disk"))?;
        fs::rename(&self.temporary, &target).map_err(Error::io(&target, "rename the file"))?;
        self.committed = true;
        sync_folder(&folder(&target));
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.committed {
            // Still locked here, or ours alone, so nobody else's file is removed. There is no one to
            // tell of a failure, and the next run empties what is left.
            fs::remove_file(&self.temporary).unwrap_or_default();
        }
    }
}

/// Writes a small file as [`AtomicFile`] does, but waits for another process that writes
/// it: for files of which several processes write the same bytes.
pub(crate) fn write_in_turn(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = AtomicFile::create_waiting(path, true)?;
    file.write_all(bytes).map_err(Error::io(path, "write"))?;
    file.commit()
}

/// Removes what a killed writer of a file has left, unless another one is at work.
pub(crate) fn remove_stale(path: &Path) {
    if temporary(path).is_ok_and(|temporary| temporary.exists()) {
        // Dropped, it takes its temporary file along. A failure means that another process
        // writes the file, which removes it itself.
        drop(AtomicFile::create(path));
    }
}

/// `.NAME.tmp` in the folder of a file.
fn temporary(path: &Path) -> Result<PathBuf> {
    let Some(name) = path.file_name() else {
        return Err(Error::IsFolder { path: path.to_owned() });
    };
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(".tmp");
    Ok(folder(path).join(hidden))
}

/// How a file is locked.
type TryLock = fn(&File) -> Result<(), TryLockError>;

/// Whether the file is locked now; false where the file system has no locks.
fn lock(file: &File, path: &Path, wait: bool, try_lock: TryLock) -> Result<bool> {
    let outcome = match try_lock(file) {
        Ok(()) => return Ok(true),
        Err(TryLockError::WouldBlock) if wait => file.lock(),
        Err(TryLockError::WouldBlock) => return Err(Error::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(error),
    };
    match outcome {
        Ok(()) => Ok(true),
        // Some network file systems have no locks, or none while a daemon is not running.
        Err(error) if error.kind() == io::ErrorKind::Unsupported || is_no_lock(&error) => Ok(false),
        Err(error) => Err(Error::io(path, "lock its temporary file")(error)),
    }
}

/// `ENOLCK`, which has no kind of its own.
fn is_no_lock(error: &io::Error) -> bool {
    let code = if cfg!(any(target_os = "linux", target_os = "android")) {
        37
    } else if cfg!(unix) {
        77
    } else {
        return false;
    };
    error.raw_os_error() == Some(code)
}

/// Whether the open file is the one that has this name now.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let of = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => of(open) == of(named),
        _ => false,
    }
}

/// Whether a file has this name still; the standard library cannot say more here.
#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
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
    fn the_name_appears_with_the_commit_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        assert_eq!(names(folder.path()), [".a.tar.tmp"]);
        drop(file);
        assert_eq!(names(folder.path()), Vec::<String>::new(), "dropped, gone");
        // What a killed run left is emptied.
        fs::write(folder.path().join(".a.tar.tmp"), b"longer than the new content").unwrap();
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"whole").unwrap();
        file.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(names(folder.path()), ["a.tar"]);
    }

    #[test]
    fn one_writer_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        let first = AtomicFile::create(&path).unwrap();
        let error = AtomicFile::create(&path).unwrap_err();
        assert!(matches!(error, Error::Locked { .. }), "{error}");
        first.commit().unwrap();
        AtomicFile::create(&path).unwrap();
        assert!(AtomicFile::create(folder.path()).is_err());
    }

    #[test]
    fn without_locks_every_writer_has_its_own_temporary_file() {
        let no_locks: [TryLock; 2] = [
            |_| Err(TryLockError::Error(io::ErrorKind::Unsupported.into())),
            |_| Err(TryLockError::Error(io::Error::from_raw_os_error(37))),
        ];
        let kinds = if cfg!(target_os = "linux") { 2 } else { 1 };
        for no_lock in &no_locks[..kinds] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.tar");
            let mut first = AtomicFile::create_by(&path, false, *no_lock).unwrap();
            first.write_all(b"the first one").unwrap();
            let mut second = AtomicFile::create_by(&path, false, *no_lock).unwrap();
            second.write_all(b"the").unwrap();
            first.write_all(b" and its end").unwrap();
            first.commit().unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"the first one and its end");
            second.write_all(b" second one").unwrap();
            second.commit().unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"the second one");
            drop(AtomicFile::create_by(&path, false, *no_lock).unwrap());
            assert_eq!(names(folder.path()), ["a.tar"]);
        }
        let folder = tempfile::tempdir().unwrap();
        let broken: TryLock = |_| Err(TryLockError::Error(io::ErrorKind::Other.into()));
        assert!(AtomicFile::create_by(&folder.path().join("a"), false, broken).is_err());
    }

    #[test]
    fn what_a_killed_writer_left_is_removed_unless_one_is_at_work() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        fs::write(folder.path().join(".plan.json.tmp"), b"half").unwrap();
        remove_stale(&path);
        assert_eq!(names(folder.path()), Vec::<String>::new());
        let file = AtomicFile::create(&path).unwrap();
        remove_stale(&path);
        assert_eq!(names(folder.path()), [".plan.json.tmp"]);
        file.commit().unwrap();
    }

    #[test]
    fn many_threads_write_the_same_small_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..5).for_each(|_| write_in_turn(&path, b"same bytes").unwrap()));
            }
        });
        assert_eq!(fs::read(&path).unwrap(), b"same bytes");
        assert_eq!(names(folder.path()), ["plan.json"]);
    }
}
