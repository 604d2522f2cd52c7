package boltstore

import (
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"doorcode/challenge"
	"doorcode/challenge/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, dir string) challenge.Store {
		return openChecked(t, filepath.Join(dir, "doorcode.db"))
	})
}

// openChecked opens a store whose file is checked page by page when it is closed, and its index against its records.
func openChecked(t testing.TB, path string) checked {
	t.Helper()
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return checked{s, t}
}

type checked struct {
	*Store
	t testing.TB
}

func (c checked) Close() error {
	c.t.Helper()
	err := c.db.View(func(t *bbolt.Tx) error {
		for err := range t.Check() {
			c.t.Errorf("damaged file: %v", err)
		}
		return nil
	})
	if err != nil {
		c.t.Error(err)
	}
	c.checkIndex()
	return c.Store.Close()
}

// checkIndex fails unless the index holds what the records say, no more and no less.
func (c checked) checkIndex() {
	c.t.Helper()
	_, err := read(c.t.Context(), c.Store, func(t tx) (struct{}, error) {
		want := map[string]bool{}
		add := func(keys []string) {
			for _, k := range keys {
				want[k] = true
			}
		}
		each(c.t, t, sessionsBucket, func(s challenge.Session) { add(sessionIndex(s)) })
		each(c.t, t, challengesBucket, func(one challenge.Challenge) { add(challengeIndex(one)) })
		each(c.t, t, trustsBucket, func(r challenge.Trust) { add(trustIndex(r)) })
		each(c.t, t, entryBucket, func(one challenge.EntryCode) { add(entryIndex(one.User)) })
		got := t.keysUnder(indexBucket, "")
		for _, k := range got {
			if !want[k] {
				c.t.Errorf("index entry %q has no record", k)
			}
		}
		if len(got) != len(want) {
			c.t.Errorf("got %d index entries, want %d: %v", len(got), len(want), want)
		}
		return struct{}{}, nil
	})
	if err != nil {
		c.t.Error(err)
	}
}

func each[T any](tb testing.TB, t tx, bucket string, do func(T)) {
	tb.Helper()
	err := t.in(bucket).ForEach(func(_, text []byte) error {
		record, err := decode[T](bucket, text)
		do(record)
		return err
	})
	if err != nil {
		tb.Error(err)
	}
}
