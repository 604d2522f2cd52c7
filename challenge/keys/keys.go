// Package keys holds the key file: the root secrets from which the gateway derives one key pair for each purpose, and the generation
// that shows a state file restored from an older copy. The file is small readable text, made at the first start with mode 0600:
//
//	{
//	  "generation": 7,
//	  "keys": [
//	    {"id": "5f2c0a91", "made_at": "2026-11-24T08:00:00Z", "secret": "<32 bytes in base64>"}
//	  ]
//	}
//
// The first key seals, all of them open: Rotate puts a new one in front, and an old one may be deleted by hand once nothing that it
// sealed needs to open any more (browser cookies: 400 days). Who has this file can open every cookie and code; who lost it has lost
// every session and every remembered browser, and nothing else.
package keys

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"
)

// Pair is what securecookie needs for one purpose: a key to sign and a key to encrypt, 32 bytes each.
type Pair struct{ Hash, Block []byte }

// Format keeps the bytes out of every log and message, whatever the verb.
func (Pair) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[keys]") }

// MarshalJSON keeps the bytes out of JSON.
func (Pair) MarshalJSON() ([]byte, error) { return []byte(`"[keys]"`), nil }

// Ring is an opened key file. Its methods may be called while requests run.
type Ring struct {
	path    string
	secrets [][]byte // newest first, at least one; fixed after Open

	mu         sync.Mutex
	generation uint64
}

// Format as Pair's.
func (*Ring) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[keys]") }

// Open reads the key file at path and makes it when there is none: on disk, with its folder's entry, before Open returns, since
// nothing may be sealed with a key that a power failure takes away. Of two gateways that start at once one makes the file and both
// use it. A symbolic link is followed, and what it leads to must pass the same checks: a plain file of this account (or root's)
// that group and others can neither read nor write. Errors name the file, and the command that helps where one does.
func Open(path string) (*Ring, error) {
	f, err := load(path)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = create(path)
	}
	if err != nil {
		return nil, fmt.Errorf("open keys %s: %w", path, err)
	}
	r := &Ring{path: path, generation: f.Generation}
	for _, k := range f.Keys {
		r.secrets = append(r.secrets, k.Secret)
	}
	return r, nil
}

// Rotate adds a new first key to the file at path, which must exist. A running gateway takes it up at its next start.
func Rotate(path string) error {
	err := edit(path, func(f *file) error {
		f.Keys = append([]key{newKey()}, f.Keys...)
		return nil
	})
	if err != nil {
		return fmt.Errorf("rotate keys %s: %w", path, err)
	}
	return nil
}

// Pairs derives the keys of one purpose, one pair a root secret, newest first: seal with the first, open with any. Purposes are
// words of this program ("upstream cookies"); keys of two purposes have nothing in common, so what was sealed for one never opens as
// the other. HKDF-SHA256 (RFC 5869) without salt: the secrets are random and full length (§3.1).
func (r *Ring) Pairs(purpose string) []Pair {
	pairs := make([]Pair, 0, len(r.secrets))
	for _, s := range r.secrets {
		okm, err := hkdf.Key(sha256.New, s, nil, "doorcode "+purpose, 64)
		if err != nil {
			// Only for over 8,160 bytes, or a short secret in FIPS mode; parse refuses short ones. Without keys nothing may run.
			panic("derive keys: " + err.Error())
		}
		pairs = append(pairs, Pair{Hash: okm[:32:32], Block: okm[32:]})
	}
	return pairs
}

// Generation returns the generation that the file holds.
func (r *Ring) Generation() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.generation
}

// Move writes a higher generation into the file, which is replaced in one step: after a crash it holds the old one or the new one.
// The keys in it are kept as they stand there now, so a Rotate since Open is not undone.
func (r *Ring) Move(to uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := edit(r.path, func(f *file) error {
		if to <= f.Generation {
			return fmt.Errorf("the file is already at %d", f.Generation)
		}
		f.Generation = to
		return nil
	})
	if err != nil {
		return fmt.Errorf("move the generation in keys %s to %d: %w", r.path, to, err)
	}
	r.generation = to
	return nil
}

// newKey makes a root secret. crypto/rand never fails: the program ends instead.
func newKey() key {
	id, secret := make([]byte, 4), make([]byte, secretSize)
	_, _ = rand.Read(id)
	_, _ = rand.Read(secret)
	return key{ID: hex.EncodeToString(id), MadeAt: time.Now().UTC().Truncate(time.Second), Secret: secret}
}
