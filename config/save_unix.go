//go:build unix

package config

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// lockFile keeps other commands of ours from editing the file; the lock ends when f is closed.
func lockFile(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// own gives f the owner and group that info has.
func own(f *os.File, info os.FileInfo) error {
	now, err := f.Stat()
	if err != nil {
		return err
	}
	is, ok := now.Sys().(*syscall.Stat_t)
	want, known := info.Sys().(*syscall.Stat_t)
	if !ok || !known || is.Uid == want.Uid && is.Gid == want.Gid {
		return nil
	}
	return f.Chown(int(want.Uid), int(want.Gid))
}
