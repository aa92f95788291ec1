//! Labs by chance: a seed gives programs, a wire and rules.

use std::fmt::Write as _;

/// splitmix64 (Steele, Lea, Flood 2014).
pub struct Dice(pub u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `low` to `high`, both included.
    fn pick(&mut self, low: u64, high: u64) -> u64 {
        low + self.roll() % (high - low + 1)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.roll().is_multiple_of(n)
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[usize::try_from(self.roll()).unwrap_or(0) % words.len()]
    }
}

fn rule(dice: &mut Dice) -> String {
    let host = dice.of(&["client", "server"]);
    let what = dice.of(&["data", "data", "data", "data", "data", "ack", "ack", "fin", "resent", "syn"]);
    let what = if what == "syn" && !dice.one_in(3) { "data" } else { what };
    let what = if what == "syn" && host == "server" { "synack" } else { what };
    let first = match what {
        "data" => dice.pick(1, 20),
        "ack" => dice.pick(1, 10),
        _ => 1,
    };
    let which = match dice.pick(0, 4) {
        // Each lost FIN doubles the timer: the fifth would come after half a minute.
        0 if what == "fin" || what == "resent" => format!("{first}-{}", first + dice.pick(1, 3).min(2)),
        0 if what != "syn" && what != "synack" => format!("{first}-{}", first + dice.pick(1, 3)),
        1 if what == "data" => format!("{first},{}", first + dice.pick(2, 6)),
        _ => first.to_string(),
    };
    let act = match dice.pick(0, 9) {
        0..=3 => "drop".to_owned(),
        4 | 5 => format!("dup {}", dice.pick(1, 2)),
        6 => format!("delay {}", dice.pick(1, 60)),
        7 => format!("delay {}", dice.pick(200, 450)),
        _ => format!("hold {}", dice.pick(1, 5)),
    };
    format!("{act} {host}:{what}:{which}")
}

/// The lab of a seed, as a lab file.
pub fn lab(seed: u64) -> String {
    let mut dice = Dice(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
    let dice = &mut dice;
    let mut rules: Vec<String> = (0..dice.pick(0, 4)).map(|_| format!("{:?}", rule(dice))).collect();
    let delay = dice.pick(1, 30);
    let loss = if dice.one_in(2) { dice.pick(1, 8) } else { 0 };
    let mut steps = "server socket ls tcp\nserver bind ls 80\nserver listen ls 5\nclient socket c tcp\n\
                     client bind c 40000\nclient connect c server:80\nserver accept ls s\n"
        .to_owned();
    let slow = dice.one_in(6);
    let scenario = if slow { 3 + dice.pick(0, 1) } else { dice.pick(0, 2) };
    match scenario {
        0 => {
            let n = dice.pick(1, 60_000);
            let _ = writeln!(steps, "client send-all c {n}\nserver recv-all s {n}");
        }
        1 => {
            let n = dice.pick(1, 60_000);
            let _ = writeln!(steps, "server send-all s {n}\nclient recv-all c {n}");
        }
        2 => {
            for _ in 0..dice.pick(1, 6) {
                let (ask, answer) = (dice.pick(1, 3000), dice.pick(1, 20_000));
                let _ = writeln!(
                    steps,
                    "client send-all c {ask}\nserver recv-all s {ask}\nserver send-all s {answer}\nclient recv-all c {answer}"
                );
            }
        }
        3 => {
            // The reader sleeps until its window has closed and has been probed.
            let wait = dice.pick(300, 1500);
            steps = steps.replace("server listen", "server set ls rcvbuf 4096\nserver listen");
            let _ = writeln!(
                steps,
                "client send c 60000\npass {wait}ms\nclient shutdown c write\nserver recv-all s 10000000"
            );
        }
        _ => {
            let _ = writeln!(
                steps,
                "client set c keepalive 1\nclient send-all c 100\nserver recv-all s 100\npass 1400ms"
            );
        }
    }
    let closer = if dice.one_in(2) { ("client", "c", "server", "s") } else { ("server", "s", "client", "c") };
    let (host, socket, other, end) = closer;
    let orderly = format!(
        "{host} close {socket}\n{other} recv-all {end} 10000000\n{other} close {end}\nsettle\npass {}ms\nsettle\n",
        dice.pick(50, 500)
    );
    let (sack, stamps) = (u8::from(!dice.one_in(4)), u8::from(!dice.one_in(4)));
    let more = more(dice, closer);
    if more.refused {
        steps =
            "client socket c tcp\nclient bind c 40000\nclient connect c server:81 => ECONNREFUSED\n".into();
    } else {
        // In the third the client has closed its half already and can send no more.
        let ending = more.ending.filter(|_| scenario != 3);
        steps.push_str(ending.as_deref().unwrap_or(&orderly));
    }
    rules.extend(more.corrupt);
    format!(
        "question = \"What becomes of seed {seed}?\"\nlesson = \"See the score.\"\nrules = [{}]\nsteps = '''\n{steps}'''\n\
         [wire]\ndelay = {delay}\nloss = {loss}\n{}[sysctl.all]\ntcp_sack = {sack}\ntcp_timestamps = {stamps}\n",
        rules.join(", "),
        more.line
    )
}

/// What came to the labs by chance later: drawn last, so that a seed keeps the rest.
struct More {
    /// An end by reset instead of FINs.
    ending: Option<String>,
    /// Nobody listens.
    refused: bool,
    /// A slow line and its queue.
    line: String,
    corrupt: Option<String>,
}

fn more(dice: &mut Dice, (host, socket, other, end): (&str, &str, &str, &str)) -> More {
    let rest = format!("settle\npass {}ms\nsettle\n", dice.pick(300, 900));
    let ending = match dice.pick(0, 23) {
        0 | 1 => Some(format!("{host} set {socket} linger 0\n{host} close {socket}\n{rest}")),
        2 | 3 => Some(format!("{other} send {end} 500\nsettle\n{host} close {socket}\n{rest}")),
        4 | 5 => Some(format!("{host} close {socket}\nsettle\n{other} send {end} 700\n{rest}")),
        _ => None,
    };
    let refused = dice.one_in(40);
    let line = if dice.one_in(5) {
        let queue = if dice.one_in(2) { dice.pick(5, 20) } else { 0 };
        format!("rate = \"{}mbit\"\nqueue = {queue}\n", dice.pick(1, 10))
    } else {
        String::new()
    };
    let corrupt = dice.one_in(5).then(|| {
        let host = dice.of(&["client", "server"]);
        format!("\"corrupt {} 0x{:x} {host}:data:{}\"", dice.pick(0, 40), dice.pick(1, 255), dice.pick(1, 12))
    });
    More { ending, refused, line, corrupt }
}
