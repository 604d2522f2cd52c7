package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"doorcode/challenge"
)

// ErrChanged says that somebody else wrote the file while it was being edited. Nothing was written over it.
var ErrChanged = errors.New("somebody else has changed it in this moment: look at it and try again")

// Refused is an edit that would leave a file with faults. Nothing was written.
type Refused struct {
	File  string
	Found Problems
}

func (e *Refused) Error() string {
	return e.File + " would have a fault then, so nothing was changed:\n" + e.Found.Error()
}

// Save makes an edit in users.yaml of the gateway that s configures. The file is exchanged whole, and only if it is in order afterwards and
// nobody has changed it meanwhile. Owner and mode stay; where there was no file it gets those of gateway.yaml, readable by its group.
// fs.ErrPermission: this account may not write there.
func (e Edit) Save(gatewayFile string, s *Settings) (Edited, error) {
	if err := e.clean(); err != nil {
		return Edited{}, err
	}
	path, err := followed(s.Policy)
	if err != nil {
		return Edited{}, err
	}
	before, err := openEdited(path)
	if err != nil {
		return Edited{}, fmt.Errorf("%s: %w", s.Policy, err)
	}
	defer before.close()
	text, done, err := e.edit(string(before.text), s.Fold)
	if err != nil {
		return done, fmt.Errorf("%s: %w", s.Policy, err)
	}
	if len(done.Changes) == 0 && !done.New && !done.Removed {
		return done, nil
	}
	if done.Warnings, err = checked(s, before.text, text); err != nil {
		return done, err
	}
	if err := before.replace(path, gatewayFile, []byte(text)); err != nil {
		return done, fmt.Errorf("write %s: %w", s.Policy, err)
	}
	return done, nil
}

// checked refuses a text that would not be taken up, and returns the warnings that are new in it.
func checked(s *Settings, before []byte, after string) (Problems, error) {
	policy, found := policyIn(s.Policy, []byte(after), s)
	if policy == nil {
		return nil, &Refused{s.Policy, found.kind(false)}
	}
	_, known := policyIn(s.Policy, before, s)
	had := map[[2]string]int{}
	for _, p := range known {
		had[[2]string{p.What, p.Want}]++
	}
	var fresh Problems
	for _, p := range found.Warnings() {
		if key := [2]string{p.What, p.Want}; had[key] > 0 {
			had[key]--
		} else {
			fresh = append(fresh, p)
		}
	}
	return fresh, nil
}

// policyIn is LoadPolicy of a text that may not be in the file yet.
func policyIn(path string, text []byte, s *Settings) (*challenge.Policy, Problems) {
	r := &reader{file: path}
	return r.policyFrom(r.parse(text), s)
}

// followed is the file behind links.
func followed(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(path); err == nil {
			return "", fmt.Errorf("%s is a link that leads nowhere", path)
		}
		return path, nil
	}
	return real, err
}

// edited is a file as it was when its edit began. Its lock keeps other commands of ours from editing the same content.
type edited struct {
	file *os.File // nil: there was none
	info os.FileInfo
	text []byte
}

func openEdited(path string) (*edited, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return new(edited), nil
	}
	if err != nil {
		return nil, err
	}
	e := &edited{file: f}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(ErrChanged, f.Close())
	}
	e.info, err = f.Stat()
	if err == nil {
		e.text, _, err = readBounded(path, maxFile)
	}
	if err == nil && len(e.text) == 0 {
		err = errors.New("the file is empty: write users: [] into it, it may be half written")
	}
	if err == nil && !e.still(path) {
		err = ErrChanged
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return e, nil
}

// still reports whether path is the file that was opened, with the content that was read.
func (e *edited) still(path string) bool {
	info, err := os.Stat(path)
	if e.file == nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	if err != nil || !os.SameFile(info, e.info) {
		return false
	}
	text, _, err := readBounded(path, maxFile)
	return err == nil && bytes.Equal(text, e.text)
}

func (e *edited) close() {
	if e.file != nil {
		e.file.Close()
	}
}

// replace puts text in the place of the file: written and synced beside it and renamed, so that at every moment there is the old file or the
// new one, also after a power failure.
func (e *edited) replace(path, like string, text []byte) (err error) {
	folder := filepath.Dir(path)
	f, err := os.CreateTemp(folder, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if err := errors.Join(e.dress(f, like), pour(f, text)); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	if !e.still(path) {
		return ErrChanged
	}
	if e.file == nil {
		// A link and no rename: it fails where somebody has made the file meanwhile.
		if err := os.Link(f.Name(), path); err != nil {
			return err
		}
		os.Remove(f.Name())
	} else if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(folder)
}

func pour(f *os.File, text []byte) error {
	if _, err := f.Write(text); err != nil {
		return err
	}
	return f.Sync()
}

// dress gives f the owner and mode of the file that it replaces, or of gateway.yaml for a new one.
func (e *edited) dress(f *os.File, like string) error {
	info, mode := e.info, fs.FileMode(0o640)
	if info == nil {
		var err error
		if info, err = os.Stat(like); err != nil {
			return err
		}
	} else {
		mode = info.Mode().Perm()
	}
	if err := own(f, info); err != nil {
		return fmt.Errorf("keep its owner: %w", err)
	}
	return f.Chmod(mode)
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrInvalid) {
		err = nil // some network file systems cannot
	}
	return errors.Join(err, f.Close())
}
