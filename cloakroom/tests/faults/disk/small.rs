//! A disk of some mebibytes in memory, which only the process sees that uses it, and which goes with it.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Tells the process where its disk is.
const DISK: &str = "CLOAKROOM_TEST_DISK";
/// What the process ends with where a test has failed.
const FAILED: i32 = 101;

pub struct Disk {
    pub folder: PathBuf,
}

/// Carries out a test in a process of its own that has such a disk. Left out where none can be made: it takes root, or a
/// system that lets everybody have a user namespace.
pub fn on_small_disk<T: Future<Output = ()>>(test: &str, mebibytes: usize, work: impl FnOnce(Disk) -> T) {
    if let Some(folder) = std::env::var_os(DISK) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        return runtime.block_on(work(Disk { folder: folder.into() }));
    }
    let is_root = fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0);
    // Root's folder of temporary files may be root's alone, and the servers on the disk run as other users.
    let place = if is_root { "/tmp".into() } else { std::env::temp_dir() };
    let folder = tempfile::tempdir_in(place).unwrap();
    let mount = "mount -t tmpfs -o size=$1m,mode=0777 none \"$2\" || exit 2; shift 2; exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args([if is_root { "-m" } else { "-rm" }, "sh", "-c", mount, "sh", &mebibytes.to_string()]);
    command.arg(folder.path()).arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
    let Ok(output) = command.env(DISK, folder.path()).output() else {
        return println!("skipped: there is no `unshare`");
    };
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    match output.status.code() {
        Some(0) => {
            assert!(text.contains("1 passed"), "no test {test}: {text}");
            text.lines().filter(|line| line.contains(" refused, ")).for_each(|line| println!("{line}"));
        }
        Some(FAILED) | None => panic!("{text}"),
        Some(_) => println!("skipped: no small disk can be made: {text}"),
    }
}

impl Disk {
    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }

    /// Fills it to the last page.
    pub fn fill(&self) {
        let mut file = OpenOptions::new().append(true).create(true).open(self.ballast()).unwrap();
        let zeros = vec![0; 64 * 1024];
        let mut size = zeros.len();
        while size > 0 {
            if file.write_all(&zeros[..size]).is_err() {
                size /= 2;
            }
        }
    }

    pub fn make_room(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    /// A folder on it.
    pub fn new_folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.join(name);
        fs::create_dir(&folder).unwrap();
        folder
    }
}

/// The files of a folder, by name, with their sizes.
pub fn files(folder: &Path) -> Vec<(String, u64)> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len())).collect()
}
