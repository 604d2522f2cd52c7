package config

import (
	"context"
	"crypto/sha256"
	"os"
	"time"
)

// Watcher notices when files were saved. It polls: five times a second it asks for size, time and inode of a handful of files,
// through symbolic links, which costs nothing that can be measured. Notifications from the kernel cost less and are wrong more often:
// they watch a file or folder and not a name, so an editor that writes a new file and renames it, or Kubernetes, which swaps a link
// two steps away, must be guessed from events of other folders; network file systems send none. viper's WatchConfig besides ends for
// good when the file is away for a moment, and calls back also when it could not read what changed.
//
// A change counts once two further looks find the file as the first did: what an editor is still writing is not read.
type Watcher struct {
	paths func() []string
	gone  func(path string, err error)
	every time.Duration
	files map[string]*watched
}

// settled is how many further looks must find a changed file as the first look did. It is read 400 to 600 ms after the save.
const settled = 2

type watched struct {
	seen   os.FileInfo // at the last look; nil where there was no file
	looks  int         // how many looks found it so since it last changed
	unread bool        // it changed since it was last read
	sum    [sha256.Size]byte
	known  bool // sum is of a content that load has had
	absent bool // said already
}

// NewWatcher makes a Watcher of the files that paths returns; it asks anew at every look, since a new configuration may name
// other files. gone is told once each time that a file cannot be read; its last content stays in force. What the files hold now counts
// as known, so make it before they are loaded: a save between the two is then noticed. Call Know after a load that named further files.
func NewWatcher(paths func() []string, gone func(path string, err error)) *Watcher {
	w := &Watcher{paths: paths, gone: gone, every: 200 * time.Millisecond, files: map[string]*watched{}}
	w.Know()
	return w
}

// Know takes in files that paths names for the first time, as they are. It must not be called once Run has begun.
func (w *Watcher) Know() {
	for _, path := range w.paths() {
		if w.files[path] != nil {
			continue
		}
		f := &watched{seen: look(path), looks: settled, known: true}
		if body, err := os.ReadFile(path); err == nil {
			f.sum = sha256.Sum256(body)
		}
		w.files[path] = f
	}
}

// Run looks until ctx ends. When files have changed it calls load, which reads them and returns how to take up what it read, nil
// when that is refused. What load returned is called only if no file has changed since: so nothing half written is taken up even
// when a save begins while load reads; that save is then loaded in its turn.
func (w *Watcher) Run(ctx context.Context, load func() (takeUp func())) {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.turn(load)
		}
	}
}

// turn is one look, and what follows from it.
func (w *Watcher) turn(load func() (takeUp func())) {
	if !w.changed() {
		return
	}
	if takeUp := load(); takeUp != nil && w.still() {
		takeUp()
	}
}

// changed looks at every file and reports whether one has settled with a content other than the one known. While any file is
// still being written nothing has: saves that belong together are then taken up together.
func (w *Watcher) changed() bool {
	paths, still := w.paths(), true
	for _, path := range paths {
		still = w.look(path) && still
	}
	changed := false
	for _, path := range paths {
		changed = still && w.read(path) || changed
	}
	return changed
}

// look takes one look at a file and reports whether it has settled.
func (w *Watcher) look(path string) bool {
	f, now := w.files[path], look(path)
	switch {
	case f == nil:
		w.files[path] = &watched{seen: now, unread: true}
		return false
	case !same(now, f.seen):
		f.seen, f.looks, f.unread = now, 0, true
		return false
	}
	f.looks++
	return f.looks >= settled
}

// read reads a file that has changed and settled, and reports whether its content is new.
func (w *Watcher) read(path string) bool {
	f := w.files[path]
	if !f.unread {
		return false
	}
	f.unread = false
	body, err := os.ReadFile(path)
	if err != nil {
		// Loads fail while it is away, so whatever it holds when it is back must be loaded, known or not.
		f.known = false
		if !f.absent && w.gone != nil {
			w.gone(path, err)
		}
		f.absent = true
		return false
	}
	sum := sha256.Sum256(body)
	fresh := !f.known || sum != f.sum
	f.sum, f.known, f.absent = sum, true, false
	return fresh
}

// still reports whether every file is as it was when it was last looked at.
func (w *Watcher) still() bool {
	for _, path := range w.paths() {
		if f := w.files[path]; f != nil && !same(look(path), f.seen) {
			f.known = false // load may have read half of it, so the next settled content is new whatever it is
			return false
		}
	}
	return true
}

// same reports whether nobody saved in between: a save changes size, time or inode.
func same(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

// look asks for a file through symbolic links; nil where there is none.
func look(path string) os.FileInfo {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	return info
}
