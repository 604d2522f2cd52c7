//go:build !unix

package admin

import (
	"errors"
	"io/fs"
	"os"
)

// takeLock makes a file that must not be there yet. Where the system has no locks that end with the process, a file that a dead gateway
// left behind is removed by hand.
func takeLock(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		err = errors.Join(ErrInUse, errors.New("or remove "+name))
	}
	return f, err
}

func dropLock(f *os.File) error { return errors.Join(f.Close(), os.Remove(f.Name())) }
