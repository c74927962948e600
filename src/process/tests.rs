use std::io::Read;
use std::sync::mpsc::channel;

use super::*;

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

const LONG: Duration = Duration::from_secs(20);

#[test]
fn lines_are_heard_and_the_others_are_its_last_words() {
    let (send, heard) = channel();
    let script =
        "echo time=1 >&2; echo first >&2; echo time=2 >&2; printf 'a\\rb\\n\\n' >&2; printf 'no end' >&2; exit 3";
    let mut program = Program::start(shell(script), move |line| {
        line.strip_prefix("time=").is_some_and(|time| send.send(time.to_owned()).is_ok())
    })
    .unwrap();
    let obituary = program.obituary(LONG);
    assert!(obituary.contains("exit status: 3") && obituary.ends_with("first; a; b; no end"), "{obituary}");
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["1", "2"]);
}

#[test]
fn what_it_says_is_bounded() {
    let script = "yes x | head -c 100000 | tr -d '\\n' >&2; for i in 1 2 3 4 5 6; do echo line $i >&2; done";
    let mut program = Program::start(shell(script), |_| false).unwrap();
    program.obituary(LONG);
    assert_eq!(program.last_words(), "line 3; line 4; line 5; line 6");
}

/// Whether a process of this number is alive and no zombie.
fn is_alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn it_ends_with_its_owner_and_all_that_it_started_does() {
    for stubborn in ["", "trap '' TERM; "] {
        let script = format!("{stubborn}sleep 100 & echo $!; echo $$; sleep 100; sleep 100");
        let mut program = Program::start(shell(&script), |_| false).unwrap();
        let mut stdout = BufReader::new(program.take_stdout().unwrap());
        let mut pids = [String::new(), String::new()];
        pids.iter_mut().for_each(|pid| assert!(stdout.read_line(pid).is_ok()));
        assert!(pids.iter().all(|pid| is_alive(pid)), "{pids:?}");
        drop(program);
        let began = Instant::now();
        while pids.iter().any(|pid| is_alive(pid)) && began.elapsed() < LONG {
            std::thread::sleep(LOOK);
        }
        assert!(!pids.iter().any(|pid| is_alive(pid)), "{pids:?}");
    }
}

#[test]
fn what_is_left_of_its_group_ends_when_it_does() {
    let mut program = Program::start(shell("sleep 100 & echo $!"), |_| false).unwrap();
    let mut pid = String::new();
    let mut stdout = program.take_stdout().unwrap();
    assert!(program.wait(LONG).is_some_and(|status| status.success()));
    // What is killed closes its end of the pipe a little before it is gone.
    stdout.read_to_string(&mut pid).unwrap();
    let began = Instant::now();
    while is_alive(&pid) && began.elapsed() < LONG {
        std::thread::sleep(LOOK);
    }
    assert!(!is_alive(&pid));
}

#[test]
fn programs_are_found_where_the_system_looks() {
    assert!(find("sh").is_some_and(|path| path.to_string_lossy().ends_with("/sh")));
    assert_eq!((find("no-such-program"), find("/no/such")), (None, None));
    let error = Program::start(Command::new("no-such-program"), |_| false).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}
