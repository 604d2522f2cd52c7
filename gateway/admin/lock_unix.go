//go:build unix

package admin

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// takeLock makes and locks a file of this name. The lock ends with the process, however that ends. ErrInUse: somebody has it.
func takeLock(name string) (*os.File, error) {
	for {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		if err != nil {
			return nil, bare(err)
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			if errors.Is(err, unix.EWOULDBLOCK) {
				err = ErrInUse
			}
			return nil, errors.Join(err, f.Close())
		}
		if there(f, name) {
			return f, nil
		}
		// Whoever held it has removed the file since it was opened here. A lock on a file without a name keeps nobody out.
		f.Close()
	}
}

func there(f *os.File, name string) bool {
	mine, err := f.Stat()
	now, nowErr := os.Lstat(name)
	return err == nil && nowErr == nil && os.SameFile(mine, now)
}

// dropLock removes the file and lets go of it, in this order.
func dropLock(f *os.File) error { return errors.Join(os.Remove(f.Name()), f.Close()) }
