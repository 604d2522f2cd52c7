package config

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// looker drives a Watcher look by look and notes what it loads.
type looker struct {
	t      *testing.T
	w      *Watcher
	loads  int
	taken  int
	gone   []string
	during func() // what somebody else does while load reads
	refuse bool
}

func newLooker(t *testing.T, paths ...string) *looker {
	l := &looker{t: t}
	l.w = NewWatcher(func() []string { return paths }, func(path string, err error) { l.gone = append(l.gone, filepath.Base(path)) })
	return l
}

func (l *looker) load() func() {
	l.loads++
	if l.during != nil {
		l.during()
		l.during = nil
	}
	if l.refuse {
		return nil
	}
	return func() { l.taken++ }
}

// looks takes n looks and wants so many loads and so many taken up, in all.
func (l *looker) looks(n, loads, taken int) {
	l.t.Helper()
	for range n {
		l.w.turn(l.load)
	}
	if l.loads != loads || l.taken != taken {
		l.t.Fatalf("after %d looks: loaded %d times, taken up %d times, want %d and %d", n, l.loads, l.taken, loads, taken)
	}
}

// save writes as an editor does that writes in place. Times are set by hand: two saves may fall into one tick of the clock.
func save(t *testing.T, path, text string, at int) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	stamp := time.Unix(1_700_000_000+int64(at), 0)
	if err := os.Chtimes(path, stamp, stamp); err != nil {
		t.Fatal(err)
	}
}

func TestWatchSavedInPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.yaml")
	save(t, path, "one", 0)
	l := newLooker(t, path)
	l.looks(5, 0, 0)
	save(t, path, "two", 1)
	l.looks(2, 0, 0) // not settled
	l.looks(1, 1, 1)
	l.looks(5, 1, 1)
	save(t, path, "two", 2) // touched, or saved without a change
	l.looks(5, 1, 1)
	save(t, path, "six", 2) // the same size and time, and the same inode: nobody can see that
	l.looks(5, 1, 1)
	save(t, path, "seven", 2)
	l.looks(3, 2, 2)
}

func TestWatchWhileItIsBeingWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.yaml")
	save(t, path, "users:\n", 0)
	l := newLooker(t, path)
	text := "users:\n"
	for i := range 10 {
		text += fmt.Sprintf("- {name: u%d, code: off}\n", i)
		save(t, path, text, i)
		l.looks(1, 0, 0)
	}
	l.looks(1, 0, 0)
	l.looks(1, 1, 1)
}

func TestWatchReplacedFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "users.yaml")
	save(t, path, "one", 0)
	l := newLooker(t, path)
	// An editor writes beside it and renames; here even size and time are those of the old one.
	save(t, filepath.Join(dir, "users.yaml~"), "two", 0)
	if err := os.Rename(filepath.Join(dir, "users.yaml~"), path); err != nil {
		t.Fatal(err)
	}
	l.looks(3, 1, 1)
}

// Kubernetes mounts users.yaml as a link to ..data/users.yaml, where ..data is a link to a folder that is swapped.
func TestWatchSwappedLink(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"..1", "..2"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		save(t, filepath.Join(dir, name, "users.yaml"), fmt.Sprintf("version %d", i), 0)
	}
	path := filepath.Join(dir, "users.yaml")
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, "..new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..new"), name); err != nil {
			t.Fatal(err)
		}
	}
	link("..1", filepath.Join(dir, "..data"))
	link("..data/users.yaml", path)
	l := newLooker(t, path)
	l.looks(4, 0, 0)
	link("..2", filepath.Join(dir, "..data"))
	l.looks(3, 1, 1)
}

func TestWatchFileThatIsAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.yaml")
	save(t, path, "one", 0)
	l := newLooker(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	l.looks(10, 0, 0)
	if !slices.Equal(l.gone, []string{"users.yaml"}) {
		t.Errorf("said to be gone: %v, want once", l.gone)
	}
	save(t, path, "one", 3)
	l.looks(3, 1, 1)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	l.looks(2, 1, 1)
	save(t, path, "one", 4) // away for a moment only, as some editors do
	l.looks(5, 1, 1)
	if len(l.gone) != 1 {
		t.Errorf("said to be gone: %v, want once", l.gone)
	}
}

// The files belong together: while one is still being written, the other waits.
func TestWatchTwoFiles(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "gateway.yaml"), filepath.Join(dir, "users.yaml")
	save(t, a, "a", 0)
	save(t, b, "b", 0)
	l := newLooker(t, a, b)
	save(t, a, "aa", 1)
	l.looks(2, 0, 0)
	save(t, b, "bb", 1)
	l.looks(2, 0, 0)
	l.looks(1, 1, 1)
	l.looks(5, 1, 1)
}

// A save that begins while load reads: what was read may be half of it, and is thrown away.
func TestWatchSaveDuringLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.yaml")
	save(t, path, "one", 0)
	l := newLooker(t, path)
	save(t, path, "two", 1)
	l.during = func() { save(t, path, "tw", 2) }
	l.looks(3, 1, 0)
	save(t, path, "two", 3)
	l.looks(3, 2, 1) // the content is one that was seen before, but it was not taken up
}

func TestWatchRefusedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.yaml")
	save(t, path, "one", 0)
	l := newLooker(t, path)
	l.refuse = true
	save(t, path, "nonsense", 1)
	l.looks(10, 1, 0) // loaded, and complained of, once
	l.refuse = false
	save(t, path, "two", 2)
	l.looks(3, 2, 1)
}

func TestWatchFurtherFile(t *testing.T) {
	dir := t.TempDir()
	paths := []string{filepath.Join(dir, "gateway.yaml")}
	save(t, paths[0], "a", 0)
	l := newLooker(t)
	l.w = NewWatcher(func() []string { return paths }, nil)
	known, later := filepath.Join(dir, "users.yaml"), filepath.Join(dir, "other.yaml")
	save(t, known, "b", 0)
	save(t, later, "c", 0)
	paths = append(paths, known)
	l.w.Know()
	l.looks(4, 0, 0)
	paths = append(paths, later)
	l.looks(4, 1, 1) // first seen while it ran: nobody can say what was loaded of it
}

func TestWatchRuns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.yaml")
	save(t, path, "one", 0)
	w := NewWatcher(func() []string { return []string{path} }, nil)
	if took := (settled + 1) * w.every; took > 800*time.Millisecond {
		t.Errorf("a save is taken up after %v, want well within a second", took)
	}
	w.every = time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	taken, ended := make(chan bool, 1), make(chan bool)
	go func() {
		defer close(ended)
		w.Run(ctx, func() func() { return func() { taken <- true } })
	}()
	save(t, path, "two", 1)
	<-taken
	stop()
	<-ended
}
