package keys

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const (
	secretSize = 32       // bytes; as strong as the AES-256 and HMAC-SHA256 keys derived from it
	maxFile    = 64 << 10 // some 500 keys; what is longer is another file
)

// file is the key file as it stands on disk.
type file struct {
	Generation uint64 `json:"generation"`
	Keys       []key  `json:"keys"`
}

type key struct {
	ID     string    `json:"id"`      // names the key for people
	MadeAt time.Time `json:"made_at"` //
	Secret []byte    `json:"secret"`
}

var errDamaged = errors.New("damaged (restore it from a backup; without one move it away: a new one is made, and everybody signs in again with a code)")

// load reads and checks the file at path. fs.ErrNotExist: there is none.
func load(path string) (file, error) {
	real, err := resolve(path)
	if err != nil {
		return file{}, err
	}
	h, err := os.Open(real)
	if err != nil {
		return file{}, bare(err)
	}
	defer h.Close()
	info, err := h.Stat() // of the opened file: a path may be swapped between a look and an open
	if err != nil {
		return file{}, bare(err)
	}
	if err := private(info, real); err != nil {
		return file{}, err
	}
	text, err := io.ReadAll(io.LimitReader(h, maxFile+1))
	if err != nil {
		return file{}, bare(err)
	}
	return parse(text)
}

// resolve follows links. A link that leads nowhere is an error of its own, not a missing file: the new keys would stand where an
// unmounted disk is expected.
func resolve(path string) (string, error) {
	if _, err := os.Lstat(path); err != nil {
		return "", bare(err)
	}
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", errors.New("a link that leads nowhere")
	}
	if err != nil {
		return "", bare(err)
	}
	info, err := os.Stat(real)
	if err != nil {
		return "", bare(err)
	}
	if !info.Mode().IsRegular() { // before the open: opening a pipe would wait for its other end
		return "", errors.New("not a plain file")
	}
	return real, nil
}

// parse reads strictly: a file that somebody edited wrongly must not come up with fewer keys than it was meant to have. Its errors
// never quote the text, which holds the secrets.
func parse(text []byte) (file, error) {
	if len(text) > maxFile {
		return file{}, errDamaged
	}
	var f file
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return file{}, errDamaged
	}
	if _, err := d.Token(); err != io.EOF {
		return file{}, errDamaged
	}
	if len(f.Keys) == 0 {
		return file{}, fmt.Errorf("no key in it: %w", errDamaged)
	}
	for i, k := range f.Keys {
		if len(k.Secret) != secretSize {
			return file{}, fmt.Errorf("key %d has %d bytes, not %d: %w", i+1, len(k.Secret), secretSize, errDamaged)
		}
		if bytes.Equal(k.Secret, make([]byte, secretSize)) { // what some disks leave behind after a power failure
			return file{}, fmt.Errorf("key %d is all zero: %w", i+1, errDamaged)
		}
	}
	return f, nil
}

// create makes a new file at path, unless somebody else was quicker: then it loads theirs.
func create(path string) (file, error) {
	f := file{Keys: []key{newKey()}}
	temp, err := write(path, f)
	if err != nil {
		return file{}, err
	}
	defer os.Remove(temp)
	// A link, unlike a rename, never replaces what is there, and what it makes is whole from its first moment.
	if err := os.Link(temp, path); errors.Is(err, fs.ErrExist) {
		return load(path)
	} else if err != nil {
		return file{}, bare(err)
	}
	return f, syncFolder(filepath.Dir(path))
}

// edit changes the file at path in one step, one program at a time: a gateway that moves the generation while an admin rotates
// would otherwise write the new key away.
func edit(path string, change func(*file) error) error {
	real, err := resolve(path)
	if err != nil {
		return err
	}
	unlock, err := lockFolder(filepath.Dir(real))
	if err != nil {
		return bare(err)
	}
	defer unlock()
	f, err := load(real)
	if err != nil {
		return err
	}
	if err := change(&f); err != nil {
		return err
	}
	temp, err := write(real, f)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, real); err != nil {
		return errors.Join(bare(err), os.Remove(temp))
	}
	return syncFolder(filepath.Dir(real))
}

// write puts f, synced, into a new file beside path with mode 0600 and returns its name.
func write(path string, f file) (temp string, err error) {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return "", err
	}
	h, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600, whatever the umask
	if err != nil {
		return "", bare(err)
	}
	_, err = h.Write(append(text, '\n'))
	err = errors.Join(err, h.Sync(), h.Close())
	if err != nil {
		return "", errors.Join(bare(err), os.Remove(h.Name()))
	}
	return h.Name(), nil
}

// bare drops the path that package os puts into its errors: ours name it already.
func bare(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
