//go:build unix

package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// private refuses a file that another account can read, write, or has written.
func private(info fs.FileInfo, path string) error {
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("group or others may read or write it; run: chmod 600 %s", path)
	}
	// Root reads everything, so for root the mode says nothing about who made the file: keys that another account put there are
	// keys that it knows.
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("it belongs to another account; run: chown %d %s", os.Geteuid(), path)
	}
	return nil
}

// lockFolder keeps other programs' edits out until unlock. The folder is locked and not the file, which each edit replaces.
func lockFolder(dir string) (unlock func(), err error) {
	h, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(h.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return func() { h.Close() }, nil
}

// syncFolder makes a new name in dir survive a power failure.
func syncFolder(dir string) error {
	h, err := os.Open(dir)
	if err != nil {
		return bare(err)
	}
	return errors.Join(h.Sync(), h.Close())
}
