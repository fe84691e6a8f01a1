use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use domain::disk::Space;

/// Who says how much room there is: the system, or a test's hand.
#[derive(Clone, Debug, Default)]
pub enum Disk {
    #[default]
    System,
    Manual(Arc<Mutex<Space>>),
}

impl Disk {
    /// A disk that is as full as a test says.
    pub fn manual(space: Space) -> Self {
        Disk::Manual(Arc::new(Mutex::new(space)))
    }

    /// Fills or empties a manual disk; the system's is left alone.
    pub fn set(&self, space: Space) {
        if let Disk::Manual(is) = self {
            *is.lock().unwrap_or_else(PoisonError::into_inner) = space;
        }
    }

    /// Of the file system that this path is on.
    pub fn space(&self, at: &Path) -> io::Result<Space> {
        match self {
            Disk::System => {
                let all = rustix::fs::statvfs(at)?;
                Ok(Space {
                    // What is kept for the system's administrator is not free.
                    free: all.f_bavail.saturating_mul(all.f_frsize),
                    size: all.f_blocks.saturating_mul(all.f_frsize),
                })
            }
            Disk::Manual(space) => Ok(*space.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}

/// The disk that the data is on.
#[derive(Clone, Debug)]
pub struct DataDisk {
    pub disk: Disk,
    pub data: PathBuf,
}

impl DataDisk {
    /// How much room there is; `None`, and a line in the log, when the system does not say.
    pub fn space(&self) -> Option<Space> {
        let space = self.disk.space(&self.data);
        space
            .inspect_err(|error| tracing::warn!(%error, "it can't be told how full the disk is"))
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_says_how_much_room_there_is() {
        let directory = tempfile::tempdir().unwrap();
        let space = Disk::System.space(directory.path()).unwrap();
        assert!(0 < space.free && space.free <= space.size, "{space:?}");
        let nowhere = directory.path().join("nowhere");
        assert!(Disk::System.space(&nowhere).is_err());
    }
}
