//! Files that are created atomically.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file that gets its name only when it is complete, so that no partial file is ever visible under it. Until then it
/// has an unpredictable temporary name, so that nobody can place a link there; if dropped before, it is removed. Only
/// its owner can read it.
#[derive(Debug)]
pub struct NewFile {
    part: NamedTempFile,
    file: PathBuf,
}

impl NewFile {
    /// Fails with `AlreadyExists` if the file exists.
    pub fn create(file: &Path) -> io::Result<Self> {
        if file.exists() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let part = tempfile::Builder::new().prefix("roster-").suffix(".part").tempfile_in(folder(file))?;
        Ok(Self { part, file: file.to_owned() })
    }

    /// Its temporary path.
    pub fn part(&self) -> &Path {
        self.part.path()
    }

    pub fn as_file(&self) -> &File {
        self.part.as_file()
    }

    /// Completes the file; it is durable once this returns. Fails with `AlreadyExists` if somebody else created it
    /// meanwhile.
    pub fn finish(self) -> io::Result<()> {
        self.part.as_file().sync_all()?;
        self.part.persist_noclobber(&self.file).map_err(|error| error.error)?;
        // On Unix a new name is durable once its folder is synced. Not every file system supports that, and some
        // folders can't be opened.
        let _ = File::open(folder(&self.file)).and_then(|folder| folder.sync_all());
        Ok(())
    }
}

/// A bare file name is relative to the current folder.
fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn has_its_name_when_it_is_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("new");
        let there = || std::fs::read_dir(folder.path()).expect("the folder").count();

        drop(NewFile::create(&file).expect("a file"));
        assert_eq!(there(), 0, "nothing is left of half a file");

        let [first, second] = [(); 2].map(|()| NewFile::create(&file).expect("a file"));
        first.as_file().write_all(b"whole").expect("written");
        assert!(!file.exists());
        first.finish().expect("a name");
        let taken = |made: io::Result<()>| made.map_err(|error| error.kind()) == Err(ErrorKind::AlreadyExists);
        assert!(taken(second.finish()), "who came first is not overwritten");
        assert!(taken(NewFile::create(&file).map(drop)));
        assert_eq!((std::fs::read(&file).expect("the file"), there()), (b"whole".to_vec(), 1));
    }
}
