package boltstore

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"doorcode/challenge"
)

func TestOpenNew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "doorcode.db")
	s := openChecked(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Mode().Perm(), fs.FileMode(0o600); got != want {
		t.Errorf("got mode %v, want %v", got, want)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = s.Sessions(t.Context())
	if err == nil || errors.Is(err, challenge.ErrNotFound) || !strings.HasPrefix(err.Error(), "state "+path+": ") {
		t.Errorf("a closed store: got error %v, want trouble that names the file", err)
	}
}

func TestOpenInUse(t *testing.T) {
	t.Chdir(t.TempDir())
	defer openChecked(t, "doorcode.db").Close()
	_, err := Open("doorcode.db", Options{LockWait: time.Millisecond})
	if !errors.Is(err, ErrInUse) {
		t.Fatalf("got error %v, want ErrInUse", err)
	}
	if got, want := err.Error(), "open state doorcode.db: in use by another gateway"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// change edits a store's file behind its back.
func change(t *testing.T, path string, edit func(t *bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(edit), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefused(t *testing.T) {
	for _, test := range []struct {
		name, want string
		make       func(t *testing.T, path string)
	}{
		{"newer schema", "written by a newer doorcode (schema 2, this one knows up to 1)", func(t *testing.T, path string) {
			openChecked(t, path).Close()
			change(t, path, func(t *bbolt.Tx) error { return t.Bucket([]byte("meta")).Put([]byte("schema"), []byte("2")) })
		}},
		{"another program's", "a bbolt file of another program", func(t *testing.T, path string) {
			change(t, path, func(t *bbolt.Tx) error { _, err := t.CreateBucket([]byte("raft")); return err })
		}},
		{"another program's with a bucket meta", "a bbolt file of another program", func(t *testing.T, path string) {
			change(t, path, func(t *bbolt.Tx) error { _, err := t.CreateBucket([]byte("meta")); return err })
		}},
		{"text", "invalid database", func(t *testing.T, path string) { write0(t, path, strings.Repeat("users: []\n", 4096)) }},
		{"short text", "invalid database", func(t *testing.T, path string) { write0(t, path, "users: []\n") }},
		{"a folder", "is a directory", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}},
		{"no folder", "no such file or directory", func(t *testing.T, path string) {
			if err := os.Remove(filepath.Dir(path)); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state", "doorcode.db")
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			test.make(t, path)
			_, err := Open(path, Options{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got error %v, want one with %q", err, test.want)
			}
			if !strings.HasPrefix(err.Error(), "open state "+path+": ") || strings.Count(err.Error(), path) != 1 {
				t.Errorf("got error %q, want it to name the file once", err)
			}
		})
	}
}

func write0(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedRecord: a record that cannot be read is trouble, not "not found": nobody enters past it (invariant 9), and the error
// does not repeat its id.
func TestDamagedRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "doorcode.db")
	openChecked(t, path).Close()
	change(t, path, func(t *bbolt.Tx) error {
		return t.Bucket([]byte(challengesBucket)).Put([]byte("the-id"), []byte(`{"id":"the-id","tries":`))
	})
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Challenge(t.Context(), "the-id", time.Now())
	if err == nil || errors.Is(err, challenge.ErrNotFound) || strings.Contains(err.Error(), "the-id") {
		t.Errorf("Challenge: got error %v, want trouble without the id", err)
	}
	e := entry(1)
	e.Way, e.Challenge = challenge.ByCode, "the-id"
	if _, err = s.Admit(t.Context(), e); err == nil || errors.Is(err, challenge.ErrWrongCode) {
		t.Errorf("Admit: got error %v, want trouble", err)
	}
}

// TestGroupedWithTrouble: bbolt runs the deeds of a group again when one of them fails. Each that succeeds counts once all the same.
func TestGroupedWithTrouble(t *testing.T) {
	s := openChecked(t, filepath.Join(t.TempDir(), "doorcode.db"))
	defer s.Close()
	s.writers.Add(1) // as if a write were under way: all of these are grouped
	defer s.writers.Add(-1)
	broken := errors.New("broken")
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			_, err := write(t.Context(), s.Store, func(t tx) (none struct{}, refusal, trouble error) {
				n, _, err := get[int](t, wrongsBucket, "count")
				if err = errors.Join(err, put(t, wrongsBucket, "count", n+1)); i%3 == 0 {
					err = broken
				}
				return none, challenge.ErrWrongCode, err
			})
			want := challenge.ErrWrongCode
			if i%3 == 0 {
				want = broken
			}
			if !errors.Is(err, want) {
				t.Errorf("deed %d: got error %v, want %v", i, err, want)
			}
		})
	}
	wg.Wait()
	got, err := read(t.Context(), s.Store, func(t tx) (int, error) { n, _, err := get[int](t, wrongsBucket, "count"); return n, err })
	if got != 40 || err != nil {
		t.Errorf("got %d (error %v), want 40", got, err)
	}
	if err := s.db.Update(func(t *bbolt.Tx) error { return t.Bucket([]byte(wrongsBucket)).Delete([]byte("count")) }); err != nil {
		t.Error(err)
	}
}

// TestKilled: what was answered as done survives kill -9 (invariant 9). The test runs itself as a process that admits and prints what
// was answered, kills it in the middle, and looks for all of it.
func TestKilled(t *testing.T) {
	if path := os.Getenv("DOORCODE_TEST_ADMIT"); path != "" {
		admitForever(t, path)
	}
	path := filepath.Join(t.TempDir(), "doorcode.db")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), "DOORCODE_TEST_ADMIT="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var answered []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		answered = append(answered, lines.Text())
		if len(answered) == 50 {
			_ = cmd.Process.Kill() // lines printed before it lands are read on
		}
	}
	_ = cmd.Wait()
	if len(answered) < 50 {
		t.Fatalf("got %d answers, want 50: %q", len(answered), answered)
	}
	s := openChecked(t, path)
	defer s.Close()
	all, err := s.Sessions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, one := range all {
		found[one.ID] = true
	}
	for _, id := range answered {
		if !found[id] {
			t.Errorf("session %s was answered as admitted and is gone", id)
		}
	}
}

func admitForever(t *testing.T, path string) {
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		a, err := s.Admit(t.Context(), entry(i))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(a.Session.ID)
	}
}

// entry is the i-th of a series, of a user without code.
func entry(i int) challenge.Entry {
	var u challenge.Username
	_ = u.UnmarshalText(fmt.Appendf(nil, "user%d", i%100))
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	id := fmt.Sprintf("%032x", uint64(i)*0x9e3779b97f4a7c15) // spread like random ids
	return challenge.Entry{
		Way:     challenge.ByOff,
		Session: challenge.Session{ID: "s" + id, User: u, Name: u.String(), CreatedAt: now, UsedAt: now, Agent: strings.Repeat("agent ", 20)},
		Rules:   challenge.CodeRules{Tries: 5}, NewBrowserID: "b" + id, NewSecret: "secret" + id, Now: now,
	}
}
