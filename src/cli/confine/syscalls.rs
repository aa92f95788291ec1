//! seccomp: which system calls a confined process is refused, with EPERM.
//!
//! A list of refusals, not of permissions: what a C library needs for threads, memory
//! and clocks differs from one to the next, and a capture that dies of it helps nobody.
//! What reads, writes, waits or maps stays.

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter_all_threads, sock_filter,
};

use super::{Force, Held, Plan};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Refused whatever the arguments.
const REFUSED: &[libc::c_long] = &[
    // No network: no socket, and none of the open ones goes anywhere else.
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    // No other program, and no hand in one.
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kcmp,
    // No other view of files, processes or networks.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    // io_uring makes system calls that seccomp does not see.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Nothing that has been a way into the kernel, or that is the administrator's.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_add_key,
    libc::SYS_keyctl,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_personality,
    // Nothing about files but their content. Without a capability fchown can but give a
    // file to its owner, which is what the writer of a rotating set does.
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchownat,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_mknodat,
    libc::SYS_mkdirat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    libc::SYS_utimensat,
    // The user it has become.
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_setgroups,
    libc::SYS_capset,
];

/// The same by their old names, where the architecture still has those.
#[cfg(target_arch = "x86_64")]
const REFUSED_OLD: &[libc::c_long] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_link,
    libc::SYS_symlink,
    libc::SYS_mknod,
    libc::SYS_mkdir,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS_kexec_file_load,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_OLD: &[libc::c_long] = &[];

/// Opening files by their old names.
#[cfg(target_arch = "x86_64")]
const OPEN_OLD: &[(libc::c_long, u8)] = &[(libc::SYS_open, 1)];
#[cfg(not(target_arch = "x86_64"))]
const OPEN_OLD: &[(libc::c_long, u8)] = &[];

/// What would send on a descriptor, or make another name for it: `fd` is argument 0.
const SENDING: &[libc::c_long] = &[
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_pwritev2,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_sendfile,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_setsockopt,
];

/// Puts the refusals in force; best effort.
pub(super) fn refuse(plan: &Plan, landlocked: bool, held: &mut Held) {
    let install = || -> seccompiler::Result<usize> {
        let arch = TargetArch::try_from(std::env::consts::ARCH)?;
        let refused = rules(plan).map_err(seccompiler::Error::Backend)?;
        let count = refused.len();
        // clone3 has its flags in memory, where seccomp cannot look. ENOSYS makes the C
        // library fall back on clone.
        let unseen = Rules::from([(libc::SYS_clone3, vec![])]);
        let filters = [
            program(unseen, libc::ENOSYS, arch).map_err(seccompiler::Error::Backend)?,
            foreign_calls(),
            program(refused, libc::EPERM, arch).map_err(seccompiler::Error::Backend)?,
        ];
        for filter in filters.iter().filter(|filter| !filter.is_empty()) {
            apply_filter_all_threads(filter)?;
        }
        Ok(count)
    };
    let opening = match (plan.rotating, plan.files_to_read.is_empty(), landlocked) {
        (false, true, _) => "; no file can be opened",
        (false, false, _) => "; no file can be opened for writing",
        (true, _, true) => "",
        (true, _, false) => "; files can be opened: without Landlock a rotating set needs that",
    };
    match install() {
        Ok(count) => held.push(
            "seccomp",
            Force::Full,
            format!("{count} system calls refused (sockets, programs, processes, mounts …){opening}"),
        ),
        Err(e) => held.push("seccomp", Force::Not, e.to_string()),
    }
}

fn program(
    rules: Rules,
    errno: libc::c_int,
    arch: TargetArch,
) -> Result<BpfProgram, seccompiler::BackendError> {
    let errno = SeccompAction::Errno(errno.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, errno, arch)?.try_into()
}

/// x32 system calls run under x86-64's name with other numbers: all refused.
#[cfg(target_arch = "x86_64")]
fn foreign_calls() -> BpfProgram {
    const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS; the number is at offset 0
    const AT_LEAST: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    const X32: u32 = 0x4000_0000;
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    vec![
        step(LOAD, 0, 0, 0),
        step(AT_LEAST, 0, 1, X32),
        step(RETURN, 0, 0, SeccompAction::Errno(libc::EPERM.unsigned_abs()).into()),
        step(RETURN, 0, 0, SeccompAction::Allow.into()),
    ]
}
#[cfg(not(target_arch = "x86_64"))]
fn foreign_calls() -> BpfProgram {
    Vec::new()
}

fn rules(plan: &Plan) -> Result<Rules, seccompiler::BackendError> {
    use SeccompCmpArgLen::{Dword, Qword};
    use SeccompCmpOp::{Eq, MaskedEq, Ne};
    let when = |arg, len, op, value| SeccompCondition::new(arg, len, op, value);
    let mut rules = Rules::new();
    for call in REFUSED.iter().chain(REFUSED_OLD) {
        rules.insert(*call, vec![]);
    }
    // Threads, and no processes: fork, and with it every new namespace.
    let thread = u64::from(libc::CLONE_THREAD.unsigned_abs());
    rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![when(0, Qword, MaskedEq(thread), 0)?])?]);
    // No signal to others; its own group may be stopped from the terminal.
    let own = u64::from(std::process::id());
    rules.insert(
        libc::SYS_kill,
        vec![SeccompRule::new(vec![when(0, Dword, Ne, own)?, when(0, Dword, Ne, 0)?])?],
    );
    // Nothing typed into the terminal on the user's behalf.
    let typing = [libc::TIOCSTI, libc::TIOCLINUX];
    let typing = typing.iter().map(|request| SeccompRule::new(vec![when(1, Dword, Eq, *request)?]));
    rules.insert(libc::SYS_ioctl, typing.collect::<Result<_, _>>()?);
    if !plan.rotating {
        let opens = [(libc::SYS_openat, 2)].into_iter().chain(OPEN_OLD.iter().copied());
        for (call, flags) in opens {
            rules.insert(call, if plan.files_to_read.is_empty() { vec![] } else { writing(flags)? });
        }
        rules.insert(libc::SYS_openat2, vec![]);
        #[cfg(target_arch = "x86_64")]
        for call in [libc::SYS_creat, libc::SYS_unlink, libc::SYS_rmdir, libc::SYS_rename, libc::SYS_truncate]
        {
            rules.insert(call, vec![]);
        }
        for call in [libc::SYS_unlinkat, libc::SYS_renameat, libc::SYS_renameat2, libc::SYS_truncate] {
            rules.insert(call, vec![]);
        }
    }
    for fd in plan.read_only.iter().map(|fd| u64::from(fd.unsigned_abs())) {
        for name in [libc::F_DUPFD, libc::F_DUPFD_CLOEXEC] {
            let copy = vec![when(0, Dword, Eq, fd)?, when(1, Dword, Eq, u64::from(name.unsigned_abs()))?];
            rules.entry(libc::SYS_fcntl).or_default().push(SeccompRule::new(copy)?);
        }
        for call in SENDING {
            rules.entry(*call).or_default().push(SeccompRule::new(vec![when(0, Dword, Eq, fd)?])?);
        }
    }
    Ok(rules)
}

/// Rules that hold when the flags of an open are for anything but reading.
fn writing(flags: u8) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let each = [libc::O_WRONLY, libc::O_RDWR, libc::O_CREAT, libc::O_TRUNC];
    each.iter()
        .map(|flag| {
            let bit = u64::from(flag.unsigned_abs());
            let set = SeccompCmpOp::MaskedEq(bit);
            SeccompRule::new(vec![SeccompCondition::new(flags, SeccompCmpArgLen::Dword, set, bit)?])
        })
        .collect()
}
