//go:build unix

package keys

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestOpenRefused(t *testing.T) {
	for _, test := range []struct {
		name, want string
		make       func(path string) error
	}{
		{"readable by the group", "run: chmod 600 ", func(p string) error { return os.Chmod(p, 0o640) }},
		{"readable by others", "run: chmod 600 ", func(p string) error { return os.Chmod(p, 0o604) }},
		{"writable by others", "run: chmod 600 ", func(p string) error { return os.Chmod(p, 0o602) }},
		{"a link to one readable by others", "run: chmod 600 ", func(p string) error {
			return errors.Join(os.Rename(p, p+".real"), os.Chmod(p+".real", 0o644), os.Symlink(p+".real", p))
		}},
		{"a link that leads nowhere", "a link that leads nowhere", func(p string) error {
			return errors.Join(os.Remove(p), os.Symlink(p+".gone", p))
		}},
		{"a link to itself", "too many links", func(p string) error { return errors.Join(os.Remove(p), os.Symlink(p, p)) }},
		{"a folder", "not a plain file", func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o700)) }},
		{"a pipe", "not a plain file", func(p string) error { return errors.Join(os.Remove(p), syscall.Mkfifo(p, 0o600)) }},
		{"a device", "not a plain file", func(p string) error { return errors.Join(os.Remove(p), os.Symlink("/dev/zero", p)) }},
		{"no folder", "no such file or directory", func(p string) error { return os.RemoveAll(filepath.Dir(p)) }},
	} {
		path := filepath.Join(t.TempDir(), "doorcode.keys")
		open(t, path)
		if err := test.make(path); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %v, want one with %q", test.name, err, test.want)
		}
		if err := Rotate(path); err == nil {
			t.Errorf("%s: rotated all the same", test.name)
		}
	}
}

func TestOpenAnothersFile(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make another account's file")
	}
	path := filepath.Join(t.TempDir(), "doorcode.keys")
	open(t, path)
	if err := os.Chown(path, 12345, -1); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "run: chown 0 "+path) {
		t.Errorf("got error %v, want the chown to run", err)
	}
}
