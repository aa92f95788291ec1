//! Where it is written has no more room, or fails.

use std::os::fd::AsRawFd;

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::*;

/// Mounts a file system of this size in the test's own namespace.
fn tmpfs(at: &Path, size: &str) {
    may("mount", &["-t", "tmpfs", "-o", &format!("size={size},mode=777"), "none", text(at)]).unwrap();
}

/// A file system on a disk that fails, EIO, from its 33rd block on, if this machine lets one be
/// made: a loop device over memory that was cut short and sealed, so that it cannot grow back.
/// The disk lasts as long as what is returned.
fn broken(at: &Path) -> Result<std::fs::File, String> {
    let disk = at.join("broken");
    fs::create_dir(&disk).unwrap();
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let image = std::fs::File::from(memfd_create("disk", flags).map_err(|e| e.to_string())?);
    image.set_len(16 << 20).unwrap();
    let path = format!("/proc/{}/fd/{}", std::process::id(), image.as_raw_fd());
    may("mkfs.ext2", &["-q", "-F", "-N", "64", "-b", "4096", "-O", "^resize_inode", &path])?;
    let device = Command::new("losetup").args(["--find", "--show", &path]).output();
    let device = device.ok().filter(|out| out.status.success()).ok_or("no loop device")?;
    let device = String::from_utf8(device.stdout).unwrap();
    let mounted = may("mount", &[device.trim(), text(&disk)]);
    // From here on it goes with its last user.
    may("losetup", &["--detach", device.trim()])?;
    mounted?;
    fs::set_permissions(&disk, fs::Permissions::from_mode(0o777)).unwrap();
    nix::unistd::sync();
    image.set_len(32 * 4096).unwrap();
    fcntl(&image, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_GROW)).map_err(|e| e.to_string())?;
    Ok(image)
}

/// A file system on a disk that takes nothing any more, if this machine lets one be made:
/// a loop device over a file for which there is no room.
fn full_underneath(at: &Path) -> Result<(), String> {
    let (store, disk) = (at.join("store"), at.join("disk"));
    fs::create_dir(&store).and_then(|()| fs::create_dir(&disk)).unwrap();
    tmpfs(&store, "2m");
    let image = store.join("image");
    fs::File::create(&image).and_then(|file| file.set_len(16 << 20)).unwrap();
    may("mkfs.ext2", &["-q", "-F", "-N", "64", text(&image)])?;
    may("mount", &["-o", "loop", text(&image), text(&disk)])?;
    fs::set_permissions(&disk, fs::Permissions::from_mode(0o777)).unwrap();
    nix::unistd::sync();
    // What is left of the room under it goes to somebody else.
    let full = fs::write(store.join("filler"), vec![1; 4 << 20]).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    Ok(())
}

#[test]
fn a_disk_that_takes_no_more_is_told_at_once() {
    inside("disk::a_disk_that_takes_no_more_is_told_at_once", || {
        let folder = folder();
        let small = join(&folder, "small");
        fs::create_dir(&small).unwrap();
        tmpfs(&small, "64k");
        let full = full_underneath(folder.path()).map_err(|why| println!("a full device: SKIPPED, {why}"));
        let broken = broken(folder.path()).map_err(|why| println!("EIO: SKIPPED, {why}"));
        let plain = || Command::new(&*PROGRAM);
        let limited = || {
            let mut command = Command::new("prlimit");
            command.args(["--fsize=65536", &PROGRAM]);
            command
        };
        // What is written where, with which limit; what is said; how many packets are in it.
        type Case<'a> = (PathBuf, &'a dyn Fn() -> Command, &'a [&'a str], usize);
        let mut cases: Vec<Case<'_>> = vec![
            (small.join("a.pcapng"), &plain, &["the disk is full", "a.pcapng"], 50),
            (small.join("b.pcap"), &plain, &["the disk is full", "b.pcap"], 50),
            (join(&folder, "limit.pcapng"), &limited, &["may not grow any more", "limit.pcapng"], 50),
            (PathBuf::from("/dev/full"), &plain, &["the disk is full", "/dev/full"], 0),
        ];
        if full.is_ok() {
            cases.push((join(&folder, "disk/a.pcapng"), &plain, &["the disk is full", "a.pcapng"], 0));
        }
        if broken.is_ok() {
            let words = &["a.pcapng", "the disk fails", "Input/output error"];
            cases.push((join(&folder, "broken/a.pcapng"), &plain, words, 0));
        }
        for (path, start, words, least) in cases {
            let capture = Capture::start_by(start(), &["-i", "lo", "-w", text(&path), "--for", "60s"]);
            // More than fits, and then nothing: the end must not wait for a packet.
            Sender::new("127.0.0.1", 1000).send(200);
            let (status, tables, said) = capture.end();
            assert_eq!(status.code(), Some(1), "{}: {said}", path.display());
            assert!(!said.contains("saved to"), "{}: {said}", path.display());
            for word in words {
                assert!(said.contains(word), "{}: no '{word}' in {said}", path.display());
            }
            assert!(tables.contains("UDP datagrams"), "{}: {tables}", path.display());
            if least > 0 {
                let (numbers, fault) = saved(&path);
                assert!(numbers.len() >= least && in_order(&numbers), "{}: {numbers:?}", path.display());
                assert_eq!(fault, None, "{}: cut back to whole packets", path.display());
                fs::remove_file(&path).unwrap();
            }
            println!("{}: {}", path.display(), said.lines().last().unwrap_or_default());
        }
    });
}

/// What a disk holds at a moment, mounted elsewhere: as after a loss of power.
fn after_power_loss(image: &Path, at: &Path, name: &str) -> usize {
    let copy = at.join("copy");
    fs::copy(image, &copy).unwrap();
    let mounted = at.join("mounted");
    fs::create_dir_all(&mounted).unwrap();
    // The moment of the copy may lie within a write: the journal's part, at the next mount.
    if may("mount", &["-o", "loop", text(&copy), text(&mounted)]).is_err() {
        return 0;
    }
    let (numbers, _) = saved(&mounted.join(name));
    assert!(in_order(&numbers), "{numbers:?}");
    may("umount", &[text(&mounted)]).unwrap();
    numbers.len()
}

#[test]
fn what_the_disk_has_survives_a_loss_of_power() {
    let test = "disk::what_the_disk_has_survives_a_loss_of_power";
    if !nix::unistd::geteuid().is_root() {
        return println!("{test}: SKIPPED, it takes root to mount a disk");
    }
    inside(test, || {
        let folder = folder();
        tmpfs(folder.path(), "128m");
        let (image, disk) = (join(&folder, "image"), join(&folder, "disk"));
        fs::create_dir(&disk).unwrap();
        fs::File::create(&image).and_then(|file| file.set_len(16 << 20)).unwrap();
        let mounted = may("mkfs.ext4", &["-q", "-F", text(&image)])
            // The system itself writes nothing for ten minutes.
            .and_then(|()| may("mount", &["-o", "loop,commit=600", text(&image), text(&disk)]));
        if let Err(why) = mounted {
            return println!("{test}: SKIPPED, no disk can be made here: {why}");
        }
        fs::set_permissions(&disk, fs::Permissions::from_mode(0o777)).unwrap();
        let capture = Capture::start(&["-i", "lo", "-w", text(&disk.join("a.pcapng"))]);
        let began = std::time::Instant::now();
        Sender::new("127.0.0.1", 100).send(300);
        let mut survived = 0;
        while survived < 300 {
            survived = after_power_loss(&image, folder.path(), "a.pcapng");
        }
        println!("300 packets were on the disk {:.1?} after they were captured", began.elapsed());
        capture.signal(nix::sys::signal::Signal::SIGINT);
        let (status, _, said) = capture.end();
        assert_eq!(status.code(), Some(0), "{said}");
        may("umount", &[text(&disk)]).unwrap();
    });
}
