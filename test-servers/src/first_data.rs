//! The data that a server begins with: making it takes seconds, so it is made once where many programs start servers.

use std::path::Path;
use std::process::Command;

use crate::program::succeed;

/// Names the folder where what was made first is kept for all; without it each server's data is made anew.
const KEPT_IN: &str = "CLOAKROOM_FIRST_DATA";

/// Puts a server's first data where `data` says: made by `make`, or a copy of what was made before.
pub(crate) fn first_data(server: &str, data: &Path, make: impl FnOnce()) {
    let Some(folder) = std::env::var_os(KEPT_IN) else { return make() };
    let kept = Path::new(&folder).join(server);
    if kept.exists() {
        return copy(&kept, data);
    }
    make();
    // Whole under a name of its own, then under the name that others look for: the first one stays.
    let mine = Path::new(&folder).join(format!("{server}-{}", std::process::id()));
    copy(data, &mine);
    if std::fs::rename(&mine, &kept).is_err() {
        std::fs::remove_dir_all(&mine).expect("what another made first takes its place");
    }
}

/// With owners and modes: PostgreSQL looks at them.
fn copy(from: &Path, to: &Path) {
    succeed(Command::new("cp").args(["--archive", "--reflink=auto", "--"]).arg(from).arg(to));
}
