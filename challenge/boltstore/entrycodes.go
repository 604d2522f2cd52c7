package boltstore

import (
	"context"
	"errors"
	"time"

	"doorcode/challenge"
)

// EntryCode is challenge.Store's.
func (s *Store) EntryCode(ctx context.Context, u challenge.Username, now time.Time) (challenge.EntryCode, error) {
	c, err := read(ctx, s, func(t tx) (challenge.EntryCode, error) {
		c, _, err := get[challenge.EntryCode](t, entryBucket, u.String())
		return c, err
	})
	if err == nil && (c.ID == "" || !c.Live(now)) {
		return challenge.EntryCode{}, challenge.ErrNotFound
	}
	return c, err
}

// PutEntryCode is challenge.Store's.
func (s *Store) PutEntryCode(ctx context.Context, c challenge.EntryCode) error {
	if c.ID == "" || c.User.IsZero() {
		return s.trouble(errors.New("an entry code needs an id and a user"))
	}
	_, err := write(ctx, s, func(t tx) (none struct{}, refusal, trouble error) {
		wrongs, err := t.wrongs(c.User)
		if err != nil {
			return none, nil, err
		}
		if _, locked := wrongs.Wait(c.CreatedAt); locked {
			return none, challenge.ErrLocked, nil
		}
		return none, nil, errors.Join(put(t, entryBucket, c.User.String(), c), t.index(entryIndex(c.User)))
	})
	return err
}

// entryIndex says of a user who has nothing else that there is something (Users): a policy that ends all of his must find it.
func entryIndex(u challenge.Username) []string { return []string{ofUser(u) + anEntry} }

func (t tx) endEntryCode(u challenge.Username) error {
	return errors.Join(t.delete(entryBucket, u.String()), t.unindex(entryIndex(u)))
}

func (t tx) endEntryCodeOf(name string) error {
	var u challenge.Username
	if err := u.UnmarshalText([]byte(name)); err != nil {
		return err
	}
	return t.endEntryCode(u)
}
