//! The BPF machine (McCanne and Jacobson 1993), which runs what libpcap compiles. Of
//! our own, because a filter like `greater 1000` must see how long a packet was on
//! the wire, not how much of it was kept.

/// One instruction: operation, jumps when true and false, constant.
#[derive(Debug, Clone, Copy)]
struct Instruction {
    code: u16,
    when_true: u8,
    when_false: u8,
    k: u32,
}

/// A program. It only jumps forward, so it ends.
#[derive(Debug, Clone)]
pub(super) struct Program(Vec<Instruction>);

impl Program {
    /// From instructions as libpcap prints them: `code jt jf k` in decimal.
    pub(super) fn new(lines: impl Iterator<Item = String>) -> Option<Self> {
        let instructions = lines.map(|line| {
            let mut numbers = line.split(' ');
            Some(Instruction {
                code: numbers.next()?.parse().ok()?,
                when_true: numbers.next()?.parse().ok()?,
                when_false: numbers.next()?.parse().ok()?,
                k: numbers.next()?.parse().ok()?,
            })
        });
        instructions.collect::<Option<Vec<_>>>().map(Self)
    }

    /// Does a packet pass, of which `data` was kept and `wire` octets were sent?
    pub(super) fn matches(&self, data: &[u8], wire: u32) -> bool {
        self.run(data, wire).is_some_and(|keep| keep > 0)
    }

    /// Runs the program; `None` where it reads or jumps outside, or divides by zero.
    fn run(&self, data: &[u8], wire: u32) -> Option<u32> {
        let (mut a, mut x, mut memory) = (0u32, 0u32, [0u32; 16]);
        let mut at = 0usize;
        loop {
            let Instruction { code, when_true, when_false, k } = *self.0.get(at)?;
            at += 1;
            let operand = if code & 0x08 == 0 { k } else { x };
            match code & 0x07 {
                // Load into the accumulator, or into the index.
                class @ (0 | 1) => {
                    let value = match code & 0xe0 {
                        0x00 => k,
                        0x20 => load(data, code, k as usize)?,
                        0x40 => load(data, code, (x as usize).checked_add(k as usize)?)?,
                        0x60 => *memory.get(k as usize)?,
                        0x80 => wire,
                        0xa0 => u32::from(data.get(k as usize)? & 0x0f) * 4,
                        _ => return None,
                    };
                    if class == 0 { a = value } else { x = value }
                }
                2 => *memory.get_mut(k as usize)? = a,
                3 => *memory.get_mut(k as usize)? = x,
                4 => {
                    a = match code & 0xf0 {
                        0x00 => a.wrapping_add(operand),
                        0x10 => a.wrapping_sub(operand),
                        0x20 => a.wrapping_mul(operand),
                        0x30 => a.checked_div(operand)?,
                        0x40 => a | operand,
                        0x50 => a & operand,
                        0x60 => a.checked_shl(operand).unwrap_or(0),
                        0x70 => a.checked_shr(operand).unwrap_or(0),
                        0x80 => a.wrapping_neg(),
                        0x90 => a.checked_rem(operand)?,
                        0xa0 => a ^ operand,
                        _ => return None,
                    };
                }
                5 => {
                    let jump = match code & 0xf0 {
                        0x00 => k as usize,
                        test => {
                            let holds = match test {
                                0x10 => a == operand,
                                0x20 => a > operand,
                                0x30 => a >= operand,
                                0x40 => a & operand != 0,
                                _ => return None,
                            };
                            usize::from(if holds { when_true } else { when_false })
                        }
                    };
                    at = at.checked_add(jump)?;
                }
                6 => return Some(if code & 0x18 == 0x10 { a } else { k }),
                _ if code & 0xf8 == 0 => x = a,
                _ => a = x,
            }
        }
    }
}

/// A number of the packet, in network byte order, of the size that `code` says.
fn load(data: &[u8], code: u16, at: usize) -> Option<u32> {
    let rest = data.get(at..)?;
    Some(match code & 0x18 {
        0x00 => u32::from_be_bytes(*rest.first_chunk()?),
        0x08 => u32::from(u16::from_be_bytes(*rest.first_chunk()?)),
        _ => u32::from(*rest.first()?),
    })
}
