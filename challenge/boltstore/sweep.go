package boltstore

import (
	"context"
	"time"

	"doorcode/challenge"
)

// broom sweeps one bucket: what is over goes.
type broom struct {
	bucket string
	over   func(text []byte) (bool, error)
	remove func(t tx, key string, r *challenge.Revoked) error
}

// Sweep is challenge.Store's. It looks in a read transaction, which holds no login up, and removes in one short write what is still
// over then: a session may have been touched in between. Where nothing is over nothing is written.
func (s *Store) Sweep(ctx context.Context, now time.Time, life challenge.SessionLife, limit int) (challenge.Revoked, bool, error) {
	brooms := s.brooms(now, life)
	due, err := read(ctx, s, func(t tx) (map[int][]string, error) { return dueIn(t, brooms, limit+1) })
	if err != nil {
		return challenge.Revoked{}, false, err
	}
	found := 0
	for _, keys := range due {
		found += len(keys)
	}
	if found == 0 || limit <= 0 {
		return challenge.Revoked{}, found > 0, nil
	}
	swept, err := write(ctx, s, func(t tx) (r challenge.Revoked, refusal, trouble error) {
		left := limit
		for i, b := range brooms {
			for _, key := range due[i][:min(left, len(due[i]))] {
				if err := b.sweep(t, key, &r); err != nil {
					return r, nil, err
				}
				left--
			}
		}
		return r, nil, nil
	})
	return swept, found > limit, err
}

// dueIn lists by broom up to limit keys whose entries are over.
func dueIn(t tx, brooms []broom, limit int) (map[int][]string, error) {
	due, left, n := map[int][]string{}, limit, 0
	for i, b := range brooms {
		c := t.in(b.bucket).Cursor()
		for k, text := c.First(); k != nil && left > 0; k, text = c.Next() {
			t.scanned(&n)
			over, err := b.over(text)
			if err != nil {
				return nil, err
			}
			if over {
				due[i] = append(due[i], string(k))
				left--
			}
		}
	}
	t.giveBack()
	return due, nil
}

func (b broom) sweep(t tx, key string, r *challenge.Revoked) error {
	text := t.in(b.bucket).Get([]byte(key))
	if text == nil {
		return nil
	}
	over, err := b.over(text)
	if !over || err != nil {
		return err
	}
	return b.remove(t, key, r)
}

// brooms lists what expires. Of a challenge whose code nobody entered the caller gets the held session, to sign it out.
func (s *Store) brooms(now time.Time, life challenge.SessionLife) []broom {
	drop := func(bucket string) func(tx, string, *challenge.Revoked) error {
		return func(t tx, key string, _ *challenge.Revoked) error { return t.delete(bucket, key) }
	}
	return []broom{
		{challengesBucket, judge(challengesBucket, func(c challenge.Challenge) bool { return !now.Before(c.ExpiresAt) }), tx.endChallenge},
		{sessionsBucket, judge(sessionsBucket, func(s challenge.Session) bool { return life.Over(s, now) }), tx.endSession},
		{trustsBucket, judge(trustsBucket, func(r challenge.Trust) bool { return !now.Before(r.Until) }),
			func(t tx, key string, _ *challenge.Revoked) error { return t.endTrust(key) }},
		{browsersBucket, judge(browsersBucket, func(b challenge.Browser) bool { return now.Sub(b.UsedAt) >= challenge.BrowserLife }),
			func(t tx, key string, _ *challenge.Revoked) error { _, err := t.forgetBrowser(key); return err }},
		{entryBucket, judge(entryBucket, func(c challenge.EntryCode) bool { return !now.Before(c.ExpiresAt) }),
			func(t tx, key string, _ *challenge.Revoked) error { return t.endEntryCodeOf(key) }},
		{wrongsBucket, judge(wrongsBucket, func(w challenge.Wrongs) bool { return len(w.Fade(now)) == 0 }), drop(wrongsBucket)},
		{findingsBucket, judge(findingsBucket, func(f challenge.Finding) bool { return now.Sub(f.LastAt) >= challenge.FindingLife }), drop(findingsBucket)},
		{ratesBucket, judge(ratesBucket, func(tat time.Time) bool { return !tat.After(now) }), drop(ratesBucket)},
		{budgetsBucket, judge(budgetsBucket, func(y tally) bool { return !now.Before(y.Ends) }), drop(budgetsBucket)},
	}
}

func judge[T any](bucket string, over func(T) bool) func([]byte) (bool, error) {
	return func(text []byte) (bool, error) {
		record, err := decode[T](bucket, text)
		return err == nil && over(record), err
	}
}
