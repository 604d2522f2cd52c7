// Package boltstore keeps the state of the door in one bbolt file: for one machine, with nothing to install.
//
// Each promise of challenge.Store is one transaction that bbolt has synced when the method returns; NoSync is never set. The file
// stands under an exclusive lock, so a second gateway on it is refused.
//
// Records are JSON under their ids. Ids of sessions and challenges are keys as they are: a cookie that names one opens only with
// the key file, so who reads the state file has no more than names of things. Codes and held upstream sessions in it are sealed,
// and browser secrets are hashes (threat E5).
package boltstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"doorcode/challenge"
)

// ErrInUse says that another process has the file open: a running gateway, or a command that edits the state.
var ErrInUse = errors.New("in use by another gateway")

// schema is the version of the records. A file with a higher one was written by a newer program and is left alone: what this one does
// not know of, such as a condition on a trust, it would drop when it writes the record back.
const schema = 1

// Buckets of the file.
const (
	metaBucket       = "meta"       // schema, generation
	challengesBucket = "challenges" // id → Challenge
	browsersBucket   = "browsers"   // id → Browser
	trustsBucket     = "trusts"     // browser, user → Trust
	sessionsBucket   = "sessions"   // id → Session
	wrongsBucket     = "wrongs"     // user → Wrongs
	ratesBucket      = "rates"      // kind, user or network → time (Rate.Take)
	budgetsBucket    = "budgets"    // period, user ("" for all) → tally: see budgets.go
	indexBucket      = "index"      // owner, kind, id → nothing: see index.go
	entryBucket      = "entrycodes" // user → EntryCode
	eventsBucket     = "events"     // empty for now
	findingsBucket   = "findings"   // kind, name, detail → Finding
)

func buckets() []string {
	return []string{metaBucket, challengesBucket, browsersBucket, trustsBucket, sessionsBucket, wrongsBucket, ratesBucket, entryBucket, indexBucket, eventsBucket, findingsBucket, budgetsBucket}
}

// Options of Open. The zero value is what a gateway wants.
type Options struct {
	LockWait time.Duration // for the lock of another process; 0 is one second
}

// Store is a challenge.Store in a file. It is also a challenge.Generations.
type Store struct {
	db      *bbolt.DB
	path    string
	writers atomic.Int32  // writes under way
	written atomic.Uint32 // writes so far
}

var (
	_ challenge.Store       = (*Store)(nil)
	_ challenge.Generations = (*Store)(nil)
)

// Open opens the file at path and makes it, with mode 0600, when there is none. ErrInUse: another process has it.
func Open(path string, o Options) (*Store, error) {
	s, err := open(path, o)
	if err != nil {
		return nil, fmt.Errorf("open state %s: %w", path, err)
	}
	return s, nil
}

func open(path string, o Options) (*Store, error) {
	if o.LockWait == 0 {
		o.LockWait = time.Second
	}
	db, err := openFile(path, o.LockWait)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, path: path}
	err = errors.Join(db.Update(prepare), syncFolder(filepath.Dir(path)))
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func openFile(path string, lockWait time.Duration) (db *bbolt.DB, err error) {
	// bbolt panics on some damaged pages. Here that is a file to restore, and a sentence to say so.
	defer func() {
		if p := recover(); p != nil {
			db, err = nil, fmt.Errorf("damaged: %v", p)
		}
	}()
	// The map freelist, since the random keys of challenges and sessions scatter free pages: bbolt's array searches them one by one.
	db, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait, FreelistType: bbolt.FreelistMapType})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, ErrInUse
	}
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, pe.Err // Open names the path
	}
	if err != nil {
		return nil, err
	}
	db.MaxBatchDelay = time.Millisecond // see write
	return db, nil
}

// prepare makes the buckets of a new file and refuses one that is not ours or is newer than this program.
func prepare(t *bbolt.Tx) error {
	meta := t.Bucket([]byte(metaBucket))
	if first, _ := t.Cursor().First(); meta == nil && first != nil {
		return errors.New("a bbolt file of another program")
	}
	if meta != nil {
		version, err := strconv.Atoi(string(meta.Get([]byte("schema"))))
		if err != nil {
			return errors.New("a bbolt file of another program")
		}
		if version > schema {
			return fmt.Errorf("written by a newer doorcode (schema %d, this one knows up to %d)", version, schema)
		}
	}
	for _, name := range buckets() {
		if _, err := t.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	return t.Bucket([]byte(metaBucket)).Put([]byte("schema"), []byte(strconv.Itoa(schema)))
}

// syncFolder makes a new file's name survive a power failure; bbolt syncs only what is in the file.
func syncFolder(dir string) error {
	h, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = h.Sync()
	// Windows and some network file systems cannot sync a folder and say so in these ways; theirs is no less safe for it.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		err = nil
	}
	return errors.Join(err, h.Close())
}

// Close waits for what is under way and releases the file.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close state %s: %w", s.path, err)
	}
	return nil
}

// tx is one transaction. Nothing it hands out lives in the file's memory: records are decoded, keys turned into strings, since
// bbolt's bytes are gone when the transaction ends.
type tx struct{ *bbolt.Tx }

func (t tx) in(bucket string) *bbolt.Bucket { return t.Bucket([]byte(bucket)) }

// write runs deed in one transaction and returns when that is on disk. A refusal of deed is an answer like any other: what was
// written is committed (the counted try, the lost trust). Trouble undoes everything.
//
// While another write is under way, deeds are grouped: bbolt's Batch commits them with one sync. A deed alone would only wait there
// for company, so it goes by itself. BenchmarkAdmit, a login's two writes on two busy cores: 64 at once 0.17 ms each grouped and
// 4.4 ms with Update; alone 0.8 ms with Update and 2.9 ms with Batch.
//
// Batch runs a deed again when another of its group had trouble, which undid both. So a deed may touch nothing but t and its
// results, and those of the run that was committed count (TestGroupedWithTrouble).
func write[T any](ctx context.Context, s *Store, deed func(t tx) (result T, refusal, trouble error)) (T, error) {
	var none, result T
	var refusal error
	run := func(t *bbolt.Tx) (err error) {
		result, refusal, err = deed(tx{t})
		return err
	}
	if err := ctx.Err(); err != nil {
		return none, s.trouble(err)
	}
	commit := s.db.Update
	if s.writers.Add(1) > 1 {
		commit = s.db.Batch
	}
	defer s.writers.Add(-1)
	if err := commit(run); err != nil {
		return none, s.trouble(err)
	}
	s.giveBackSometimes()
	return result, refusal
}

// read runs look in a transaction that sees one state and holds nobody up.
func read[T any](ctx context.Context, s *Store, look func(t tx) (T, error)) (T, error) {
	var none, result T
	if err := ctx.Err(); err != nil {
		return none, s.trouble(err)
	}
	err := s.db.View(func(t *bbolt.Tx) (err error) {
		result, err = look(tx{t})
		return err
	})
	if err != nil {
		return none, s.trouble(err)
	}
	return result, nil
}

func (s *Store) trouble(err error) error { return fmt.Errorf("state %s: %w", s.path, err) }

// get decodes the record under key; false when there is none.
func get[T any](t tx, bucket, key string) (record T, found bool, err error) {
	text := t.in(bucket).Get([]byte(key))
	if text == nil {
		return record, false, nil
	}
	record, err = decode[T](bucket, text)
	return record, err == nil, err
}

func decode[T any](bucket string, text []byte) (record T, err error) {
	if err := json.Unmarshal(text, &record); err != nil {
		return record, fmt.Errorf("a record in %s is damaged: %w", bucket, err) // not its key: ids are cookies' content
	}
	return record, nil
}

func put(t tx, bucket, key string, record any) error {
	text, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("a record for %s: %w", bucket, err)
	}
	return t.in(bucket).Put([]byte(key), text)
}

func (t tx) delete(bucket, key string) error { return t.in(bucket).Delete([]byte(key)) }

// keysUnder returns the keys of bucket that begin with prefix, without it.
func (t tx) keysUnder(bucket, prefix string) []string {
	var keys []string
	c := t.in(bucket).Cursor()
	for k, _ := c.Seek([]byte(prefix)); k != nil && bytes.HasPrefix(k, []byte(prefix)); k, _ = c.Next() {
		keys = append(keys, string(k[len(prefix):]))
	}
	return keys
}
