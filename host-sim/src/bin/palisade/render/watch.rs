//! Waiting for files to change.

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

/// An editor writes several files at once: changes count when it has been quiet for so long.
const QUIET: Duration = Duration::from_millis(50);

/// The changes of some files and folders.
pub struct Changes {
    events: Receiver<notify::Result<Event>>,
    /// Dropping it ends the events.
    _watcher: RecommendedWatcher,
}

impl Changes {
    /// The changes below these paths, from now on.
    pub fn of(paths: &[&Path]) -> notify::Result<Self> {
        let (sender, events) = channel();
        let mut watcher = notify::recommended_watcher(sender)?;
        for path in paths {
            // A file is replaced rather than written by most editors: only its folder sees that.
            match path.parent().filter(|_| !path.is_dir()) {
                Some(folder) if folder.as_os_str().is_empty() => {
                    watcher.watch(Path::new("."), RecursiveMode::NonRecursive)?;
                }
                Some(folder) => watcher.watch(folder, RecursiveMode::NonRecursive)?,
                None => watcher.watch(path, RecursiveMode::Recursive)?,
            }
        }
        Ok(Self {
            events,
            _watcher: watcher,
        })
    }

    /// Waits for the next change, and until there are no more for a moment.
    pub fn wait(&self) -> notify::Result<()> {
        loop {
            match self.events.recv() {
                Ok(Ok(event)) if event.kind.is_access() => {}
                Ok(Ok(_)) => break,
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(notify::Error::generic("nobody watches any more")),
            }
        }
        while self.events.recv_timeout(QUIET).is_ok() {}
        Ok(())
    }
}
