package admin

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"fantail/internal/store/volume"
)

// Room that there is to be on a file system. Both of a pair must hold: a hundredth of a
// large disk is plenty, and a small one may be small for good.
const (
	littlePercent, little = 5, 5 << 30   // worth a thought
	nonePercent, none     = 1, 500 << 20 // mail bounces soon
	nothing               = 1 << 20      // on whatever file system
	littleInodesPercent   = 3
	noInodesPercent       = 1
	noInodes              = 1000
)

// place is a file system that something needs.
type place struct {
	path string // on it
	what string // is there
	mail bool
}

// places are those of this installation, each file system once.
func (x *examination) places() []place {
	var list []place
	devices := make(map[uint64]bool)
	add := func(path, what string, mail bool) {
		info, err := os.Stat(path)
		for missing(err) && path != "/" {
			path = filepath.Dir(path)
			info, err = os.Stat(path)
		}
		if err != nil || devices[uint64(ownerOf(info).Dev)] {
			return
		}
		devices[uint64(ownerOf(info).Dev)] = true
		list = append(list, place{path, what, mail})
	}
	if x.usesPasswdFile() || x.usesPAM() {
		accounts, _ := x.accounts()
		for _, a := range accounts {
			add(a.Mail, "mail", true)
		}
	}
	add("/var/lib/fantail", "Fantail's own files", false)
	add(x.run, "sockets", false)
	add(x.cfg.LMTP.Spool, "messages on their way", false)
	add("/var/spool", "the queues of mail servers", false)
	add("/var/log", "logs", false)
	return list
}

// volumes: there is room where something is written, and mail is where it can be trusted
// to be.
func (x *examination) volumes() {
	good := 0
	for _, p := range x.places() {
		before := len(x.findings)
		x.room(p)
		if p.mail {
			x.kindOf(p)
		}
		if len(x.findings) == before {
			good++
		}
	}
	if good > 0 {
		x.ok("%d file systems have room", good)
	}
}

// room says if a file system is full, or soon.
func (x *examination) room(p place) {
	st, err := x.statfs(p.path)
	if err != nil || st.Blocks == 0 {
		return
	}
	mount := mountPoint(p.path)
	if st.Flags&unix.ST_RDONLY != 0 {
		x.wrong("%s, with %s, is mounted read-only", mount, p.what).
			because("nothing can be delivered or changed; after an error of the disk the kernel mounts it so").
			typing("dmesg | grep -i -E 'error|remount' | tail", "mount -o remount,rw "+argumentOf(mount))
		return
	}
	free, size := int64(st.Bavail)*st.Bsize, int64(st.Blocks)*st.Bsize
	looking := "du -xh --max-depth=3 " + argumentOf(mount) + " 2>/dev/null | sort -h | tail -n 20"
	percent := free * 100 / size
	switch {
	case free < nothing || percent < nonePercent && free < none:
		x.wrong("%s, with %s, is full: %s of %s are free", mount, p.what, octets(free), octets(size)).
			because("mail is sent back, or waits, and flags are lost").typing(looking)
	case percent < littlePercent && free < little && size > nothing*100:
		x.warning("%s, with %s, is nearly full: %s of %s are free", mount, p.what, octets(free), octets(size)).
			because("mail is sent back, or waits, once it is").typing(looking)
	}
	if st.Files == 0 { // it has as many as it wants
		return
	}
	looking = "du -x --inodes --max-depth=3 " + argumentOf(mount) + " 2>/dev/null | sort -n | tail -n 20"
	switch percent := st.Ffree * 100 / st.Files; {
	case percent < noInodesPercent && st.Ffree < noInodes:
		x.wrong("%s, with %s, has no inodes left: %d of %d are free", mount, p.what, st.Ffree, st.Files).
			because("each message is a file, and no more can be made").typing(looking)
	case percent < littleInodesPercent && size > nothing*100:
		x.warning("%s, with %s, has few inodes left: %d of %d are free", mount, p.what, st.Ffree, st.Files).
			because("each message is a file, and soon no more can be made").typing(looking)
	}
}

// octets is a size as people read it.
func octets(n int64) string {
	for _, unit := range []struct {
		name string
		size int64
	}{{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}} {
		if n >= unit.size {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(unit.size), unit.name)
		}
	}
	return fmt.Sprintf("%d octets", n)
}

// unfit are file systems without hard links, owners or modes, on which no Maildir works.
var unfit = map[int64]string{
	unix.MSDOS_SUPER_MAGIC: "FAT",
	0x2011bab0:             "exFAT",
	0x5346544e:             "NTFS",
	0x7366746e:             "NTFS",
}

// shared are those of other machines, and what users' programs make.
var shared = map[int64]string{
	unix.NFS_SUPER_MAGIC: "NFS",
	0xff534d42:           "CIFS",
	0xfe534d42:           "SMB",
	0x65735546:           "FUSE",
	unix.V9FS_MAGIC:      "9P",
}

// kindOf says if a file system is one on which mail should not be.
func (x *examination) kindOf(p place) {
	st, err := x.statfs(p.path)
	if err != nil {
		return
	}
	mount := argumentOf(mountPoint(p.path))
	if name := unfit[int64(st.Type)]; name != "" {
		x.wrong("mail is on %s, which is %s", mount, name).
			because("it has no owners, modes and hard links: everybody reads everything, and names of messages do not fit").
			typing("findmnt " + mount)
		return
	}
	name := shared[int64(st.Type)]
	if host, err := os.Hostname(); err == nil && name == "NFS" && slices.Contains([]string{"localhost", "localhost.localdomain", "debian", "(none)"}, host) {
		x.warning("mail is on %s, by NFS, and this machine is called %s", mount, host).
			because("an NFS server takes two machines with the same name for one, and gives both the same lock").
			typing("hostnamectl set-hostname NAME.DOMAIN")
	}
	if dir, err := os.Open(p.path); err == nil {
		defer dir.Close()
		const casefold = 0x40000000 // FS_CASEFOLD_FL
		if flags, err := unix.IoctlGetInt(int(dir.Fd()), unix.FS_IOC_GETFLAGS); err == nil && flags&casefold != 0 {
			x.warning("%s takes names in capitals for the same as in small letters", p.path).
				because("changes are looked for, instead of being told: everything takes longer").typing("chattr -F " + argumentOf(p.path))
		}
	}
	if kind, err := volume.Of(p.path); err == nil && !kind.Local && name != "" {
		x.ok("mail is on %s, by %s: changes are looked for every few seconds, and not told at once", mount, name)
	}
}
