//! Processes, always with an end to the waiting.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Looks again and again until there is an answer, and fails when that takes too long.
pub fn wait_until<T>(what: &str, at_most: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < at_most, "waited {at_most:?} in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A port that nobody listened on a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// The browser of Debian or Ubuntu, or another one that is named.
pub fn chromium() -> String {
    std::env::var("PARRAIN_TEST_CHROMIUM").unwrap_or_else(|_| "chromium".to_owned())
}

/// What a finished process left.
#[derive(Debug)]
pub struct Output {
    /// The exit status; none where a signal ended it.
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// What it printed, of a process that must have succeeded.
    #[track_caller]
    pub fn printed(self) -> String {
        assert_eq!(self.status, Some(0), "{}\n{}", self.stdout, self.stderr);
        self.stdout
    }

    /// What it said on standard error, of a process that must have ended so.
    #[track_caller]
    pub fn ended_with(self, status: i32) -> Output {
        assert_eq!(self.status, Some(status), "{}\n{}", self.stdout, self.stderr);
        self
    }
}

/// A process that runs; killed when it is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: std::path::PathBuf,
    stderr: std::path::PathBuf,
}

impl Running {
    /// Starts a command whose output goes to files in `folder`, so that no full pipe holds it up.
    pub fn start(mut command: Command, folder: &Path) -> Running {
        let name = format!("output-{:016x}", rand::random::<u64>());
        let stdout = folder.join(format!("{name}.out"));
        let stderr = folder.join(format!("{name}.err"));
        command
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap());
        Running { child: command.spawn().unwrap(), stdout, stderr }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for the end; a process that does not come to one is killed, and the test fails.
    pub fn finish(mut self, at_most: Duration) -> Output {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if began.elapsed() > at_most {
                self.child.kill().unwrap();
                self.child.wait().unwrap();
                let output = self.output(None);
                panic!("still running after {at_most:?}:\n{}\n{}", output.stdout, output.stderr);
            }
            thread::sleep(Duration::from_millis(2));
        };
        self.output(Some(status))
    }

    /// Ends it as `kill -9` does, if it has not ended.
    pub fn kill(mut self) -> Output {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        self.output(Some(status))
    }

    /// Sends a signal by its name: `TERM`, `STOP`, `CONT`.
    pub fn signal(&self, name: &str) {
        let script = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").arg("-c").arg(&script).stderr(Stdio::null()).status().unwrap();
        assert!(sent.success() || name == "TERM", "{script}");
    }

    /// What it has said on standard error so far.
    pub fn said(&self) -> String {
        text(&self.stderr)
    }

    fn output(&self, status: Option<ExitStatus>) -> Output {
        let status = status.and_then(|status| status.code());
        Output { status, stdout: text(&self.stdout), stderr: text(&self.stderr) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
}
