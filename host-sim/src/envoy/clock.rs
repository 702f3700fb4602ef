//! An Envoy whose clock stands still: a shared object that is loaded before the C library.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Only the time of day stands still: timers and time-outs use the monotonic clock.
const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t now(void) {
    const char *text = getenv("PALISADE_CLOCK");
    return text ? (time_t)atoll(text) : 0;
}

int clock_gettime(clockid_t id, struct timespec *at) {
    if (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)
        return (int)syscall(SYS_clock_gettime, id, at);
    at->tv_sec = now();
    at->tv_nsec = 0;
    return 0;
}

int gettimeofday(struct timeval *at, void *zone) {
    (void)zone;
    at->tv_sec = now();
    at->tv_usec = 0;
    return 0;
}

time_t time(time_t *at) {
    if (at) *at = now();
    return now();
}
"#;

/// The environment variable that says at how many seconds since the epoch the clock stands.
pub const VARIABLE: &str = "PALISADE_CLOCK";

/// Compiles the shared object into `folder`; it goes into `LD_PRELOAD`.
///
/// # Errors
/// When there is no C compiler (`cc`, or `$CC`), or it fails.
pub fn compile(folder: &Path) -> io::Result<PathBuf> {
    let (source, object) = (folder.join("clock.c"), folder.join("clock.so"));
    std::fs::write(&source, SOURCE)?;
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let status = Command::new(&compiler)
        .args(["-shared", "-fPIC", "-O2", "-o"])
        .args([&object, &source])
        .status()?;
    if status.success() {
        Ok(object)
    } else {
        Err(io::Error::other(format!(
            "`{}` failed: {status}",
            compiler.display()
        )))
    }
}
