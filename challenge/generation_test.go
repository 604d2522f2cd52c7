package challenge_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/boltstore"
	"doorcode/challenge/keys"
)

// onDisk is a folder with state and keys, as a gateway finds it at its start.
type onDisk struct {
	*testing.T
	state, keys string
}

func newOnDisk(t *testing.T) onDisk {
	dir := t.TempDir()
	return onDisk{t, filepath.Join(dir, "doorcode.db"), filepath.Join(dir, "doorcode.keys")}
}

// start opens both, reconciles, wants restored to be as said, hands the store to run and closes.
func (h onDisk) start(restored bool, run func(s *boltstore.Store)) {
	h.Helper()
	s, err := boltstore.Open(h.state, boltstore.Options{})
	if err != nil {
		h.Fatal(err)
	}
	defer s.Close()
	ring, err := keys.Open(h.keys)
	if err != nil {
		h.Fatal(err)
	}
	got, err := challenge.Reconcile(h.Context(), s, ring)
	if err != nil || got != restored {
		h.Fatalf("got restored %v, error %v; want %v", got, err, restored)
	}
	g, err := s.Generation(h.Context())
	if err != nil || g != ring.Generation() || g == 0 {
		h.Fatalf("got generation %d of the state (error %v) and %d of the keys, want them equal", g, err, ring.Generation())
	}
	if run != nil {
		run(s)
	}
}

func (h onDisk) sessions(s *boltstore.Store, want int) {
	h.Helper()
	all, err := s.Sessions(h.Context())
	if err != nil || len(all) != want {
		h.Fatalf("got %d sessions (error %v), want %d", len(all), err, want)
	}
}

func (h onDisk) admit(s *boltstore.Store, id string) {
	h.Helper()
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	u, err := challenge.Fold{}.Username("alice")
	if err != nil {
		h.Fatal(err)
	}
	_, err = s.Admit(h.Context(), challenge.Entry{
		Way: challenge.ByOff, Session: challenge.Session{ID: id, User: u, CreatedAt: now, UsedAt: now},
		NewBrowserID: "browser of " + id, NewSecret: "secret", Now: now,
	})
	if err != nil {
		h.Fatal(err)
	}
}

func (h onDisk) copyFile(from, to string) {
	h.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		h.Fatal(err)
	}
}

func TestReconcileOrdinary(t *testing.T) {
	h := newOnDisk(t)
	h.start(false, func(s *boltstore.Store) { h.admit(s, "session") })
	for range 3 {
		h.start(false, func(s *boltstore.Store) { h.sessions(s, 1) })
	}
}

// TestThreat_D8_Restored: an older copy of the state is put back; what was revoked since must not live again.
func TestThreat_D8_Restored(t *testing.T) {
	h := newOnDisk(t)
	h.start(false, func(s *boltstore.Store) { h.admit(s, "session") })
	h.copyFile(h.state, h.state+".backup")
	h.start(false, func(s *boltstore.Store) {
		if _, err := s.Revoke(t.Context(), challenge.Match{Session: "session"}); err != nil {
			t.Fatal(err)
		}
	})
	h.copyFile(h.state+".backup", h.state)
	h.start(true, func(s *boltstore.Store) {
		h.sessions(s, 0)
		users, err := s.Users(t.Context())
		if err != nil || len(users) != 0 {
			t.Fatalf("got users %v (error %v), want none", users, err)
		}
		h.admit(s, "after")
	})
	h.start(false, func(s *boltstore.Store) { h.sessions(s, 1) })
}

func TestReconcileLost(t *testing.T) {
	h := newOnDisk(t)
	h.start(false, nil)
	h.start(false, nil)
	h.copyFile(h.keys, h.keys+".backup")
	h.start(false, nil)
	h.start(false, func(s *boltstore.Store) { h.admit(s, "session") })
	h.copyFile(h.keys+".backup", h.keys) // older keys: what the state is nobody can tell
	h.start(true, func(s *boltstore.Store) { h.sessions(s, 0) })
	if err := os.Remove(h.state); err != nil { // the state is lost: nothing in it, but ops should know
		t.Fatal(err)
	}
	h.start(true, nil)
	h.start(false, nil)
}

// TestReconcileCrash: a crash at any point of Reconcile, or trouble in it, is no restore, and hides none.
func TestReconcileCrash(t *testing.T) {
	h := newOnDisk(t)
	h.start(false, func(s *boltstore.Store) { h.admit(s, "session") })
	h.start(false, func(s *boltstore.Store) { // the state has moved, the keys have not
		g, err := s.Generation(t.Context())
		if err = errors.Join(err, s.SetGeneration(t.Context(), g+1)); err != nil {
			t.Fatal(err)
		}
	})
	h.start(false, func(s *boltstore.Store) { h.sessions(s, 1) })

	h.copyFile(h.state, h.state+".backup")
	h.start(false, nil)
	h.copyFile(h.state+".backup", h.state)
	s, err := boltstore.Open(h.state, boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keys.Open(h.keys)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := challenge.Reconcile(t.Context(), noVoid{s}, ring); !errors.Is(err, errNoVoid) {
		t.Fatalf("got error %v, want %v", err, errNoVoid)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	h.start(true, func(s *boltstore.Store) { h.sessions(s, 0) })
}

var errNoVoid = errors.New("disk full")

// noVoid is a store that cannot void its trust.
type noVoid struct{ *boltstore.Store }

func (noVoid) VoidTrust(context.Context) error { return errNoVoid }

// A store that keeps no generation (shared by several machines) is left alone.
func TestReconcileWithout(t *testing.T) {
	ring, err := keys.Open(filepath.Join(t.TempDir(), "doorcode.keys"))
	if err != nil {
		t.Fatal(err)
	}
	restored, err := challenge.Reconcile(t.Context(), struct{ challenge.Store }{}, ring)
	if restored || err != nil || ring.Generation() != 0 {
		t.Errorf("got restored %v, error %v, generation %d; want nothing done", restored, err, ring.Generation())
	}
}
