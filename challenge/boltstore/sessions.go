package boltstore

import (
	"bytes"
	"context"
	"errors"
	"time"

	"doorcode/challenge"
)

// Sessions is challenge.Store's.
func (s *Store) Sessions(ctx context.Context) ([]challenge.Session, error) {
	return read(ctx, s, func(t tx) ([]challenge.Session, error) {
		var all []challenge.Session
		n := 0
		err := t.in(sessionsBucket).ForEach(func(_, text []byte) error {
			t.scanned(&n)
			one, err := decode[challenge.Session](sessionsBucket, text)
			all = append(all, one)
			return err
		})
		t.giveBack()
		return all, err
	})
}

// Touch is challenge.Store's. A last use only moves forward.
func (s *Store) Touch(ctx context.Context, used map[string]time.Time) error {
	if len(used) == 0 {
		return nil
	}
	_, err := write(ctx, s, func(t tx) (none struct{}, refusal, trouble error) {
		for id, at := range used {
			one, found, err := get[challenge.Session](t, sessionsBucket, id)
			if err != nil {
				return none, nil, err
			}
			if !found || !at.After(one.UsedAt) {
				continue
			}
			one.UsedAt = at
			if err := put(t, sessionsBucket, id, one); err != nil {
				return none, nil, err
			}
		}
		t.giveBack()
		return none, nil, nil
	})
	return err
}

// Revoke is challenge.Store's.
func (s *Store) Revoke(ctx context.Context, m challenge.Match) (challenge.Revoked, error) {
	if m == (challenge.Match{}) {
		return challenge.Revoked{}, s.trouble(errors.New("a revocation of nothing"))
	}
	if m == (challenge.Match{Trusts: m.Trusts}) {
		// A policy asks this of every user that is never remembered: it writes, and waits for the disk, only where there is something.
		has, err := read(ctx, s, func(t tx) (bool, error) { return len(t.keysUnder(indexBucket, ofUser(m.Trusts)+aTrust)) > 0, nil })
		if err != nil || !has {
			return challenge.Revoked{}, err
		}
	}
	return write(ctx, s, func(t tx) (revoked challenge.Revoked, refusal, trouble error) {
		switch m {
		case challenge.Match{Session: m.Session}:
			// A login that was to take this session's place came from the browser that is being shut out.
			return revoked, nil, errors.Join(t.endSession(m.Session, &revoked), t.endChallenges(ofSession(m.Session), &revoked))
		case challenge.Match{Browser: m.Browser}:
			_, err := t.forgetBrowser(m.Browser)
			return revoked, nil, errors.Join(err, t.endAll(ofBrowser(m.Browser), &revoked))
		case challenge.Match{User: m.User}:
			return revoked, nil, errors.Join(t.endTrusts(m.User), t.endEntryCode(m.User), t.endAll(ofUser(m.User), &revoked))
		case challenge.Match{Trusts: m.Trusts}:
			return revoked, nil, t.endTrusts(m.Trusts)
		}
		return revoked, nil, errors.New("a revocation of more than one thing at once")
	})
}

func (t tx) endTrusts(u challenge.Username) error {
	for _, browser := range t.keysUnder(indexBucket, ofUser(u)+aTrust) {
		if err := t.endTrust(trustKey(browser, u)); err != nil {
			return err
		}
	}
	return nil
}

// Users is challenge.Store's. It jumps from user to user, whatever each has.
func (s *Store) Users(ctx context.Context) ([]challenge.Username, error) {
	return read(ctx, s, func(t tx) ([]challenge.Username, error) {
		var users []challenge.Username
		prefix := []byte("user" + nul)
		c := t.in(indexBucket).Cursor()
		k, _ := c.Seek(prefix)
		n := 0
		for bytes.HasPrefix(k, prefix) {
			t.scanned(&n)
			name, _, _ := bytes.Cut(k[len(prefix):], []byte(nul))
			var u challenge.Username
			if err := u.UnmarshalText(name); err != nil {
				return nil, err
			}
			users = append(users, u)
			past := append(append([]byte{}, prefix...), name...)
			k, _ = c.Seek(append(past, 1)) // names have no control characters, so the next one is beyond
		}
		t.giveBack()
		return users, nil
	})
}
