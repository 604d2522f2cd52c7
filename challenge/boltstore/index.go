package boltstore

import (
	"errors"
	"strings"
	"time"

	"doorcode/challenge"
)

// The index answers what belongs to a user, a browser or a session. A key is owner, kind and id, apart by NUL, which is in none of
// them (Fold refuses it in names, ids are base64 or the like):
//
//	user    NUL alice NUL session   NUL <id>
//	browser NUL <id>  NUL challenge NUL <id>
//	session NUL <id>  NUL challenge NUL <id>     the session that the challenge will replace
//
// One function says what stands in it for a record, so what is put is what is deleted.

const nul = "\x00"

func ofUser(u challenge.Username) string { return "user" + nul + u.String() + nul }
func ofBrowser(id string) string         { return "browser" + nul + id + nul }
func ofSession(id string) string         { return "session" + nul + id + nul }

const (
	aSession   = "session" + nul
	aChallenge = "challenge" + nul
	aTrust     = "trust" + nul
	anEntry    = "entry code" + nul
)

func sessionIndex(s challenge.Session) []string {
	return []string{ofUser(s.User) + aSession + s.ID, ofBrowser(s.Browser) + aSession + s.ID}
}

func challengeIndex(c challenge.Challenge) []string {
	keys := []string{ofUser(c.User) + aChallenge + c.ID}
	if c.Browser != "" {
		keys = append(keys, ofBrowser(c.Browser)+aChallenge+c.ID)
	}
	if c.Replaces != "" {
		keys = append(keys, ofSession(c.Replaces)+aChallenge+c.ID)
	}
	return keys
}

func trustKey(browser string, u challenge.Username) string { return browser + nul + u.String() }

func trustIndex(r challenge.Trust) []string { return []string{ofUser(r.User) + aTrust + r.Browser} }

func (t tx) index(keys []string) error {
	for _, k := range keys {
		if err := t.in(indexBucket).Put([]byte(k), nil); err != nil {
			return err
		}
	}
	return nil
}

func (t tx) unindex(keys []string) error {
	for _, k := range keys {
		if err := t.delete(indexBucket, k); err != nil {
			return err
		}
	}
	return nil
}

func (t tx) putSession(s challenge.Session) error {
	return errors.Join(put(t, sessionsBucket, s.ID, s), t.index(sessionIndex(s)))
}

func (t tx) putChallenge(c challenge.Challenge) error {
	return errors.Join(put(t, challengesBucket, c.ID, c), t.index(challengeIndex(c)))
}

func (t tx) putTrust(r challenge.Trust) error {
	return errors.Join(put(t, trustsBucket, trustKey(r.Browser, r.User), r), t.index(trustIndex(r)))
}

// endSession removes a session and says so in r. One that is not there is fine.
func (t tx) endSession(id string, r *challenge.Revoked) error {
	s, found, err := get[challenge.Session](t, sessionsBucket, id)
	if !found {
		return err
	}
	r.Sessions = append(r.Sessions, id)
	return errors.Join(t.delete(sessionsBucket, id), t.unindex(sessionIndex(s)))
}

// endChallenge removes a challenge and hands it back in r, so that what it held can be signed out.
func (t tx) endChallenge(id string, r *challenge.Revoked) error {
	c, found, err := get[challenge.Challenge](t, challengesBucket, id)
	if !found {
		return err
	}
	r.Challenges = append(r.Challenges, c)
	return errors.Join(t.owe(c), t.delete(challengesBucket, id), t.unindex(challengeIndex(c)))
}

func (t tx) endTrust(key string) error {
	browser, name, _ := strings.Cut(key, nul)
	var u challenge.Username
	if err := u.UnmarshalText([]byte(name)); err != nil {
		return err
	}
	return errors.Join(t.delete(trustsBucket, key), t.unindex(trustIndex(challenge.Trust{Browser: browser, User: u})))
}

// endAll ends the sessions and challenges of an owner.
func (t tx) endAll(owner string, r *challenge.Revoked) error {
	for _, id := range t.keysUnder(indexBucket, owner+aSession) {
		if err := t.endSession(id, r); err != nil {
			return err
		}
	}
	return t.endChallenges(owner, r)
}

func (t tx) endChallenges(owner string, r *challenge.Revoked) error {
	for _, id := range t.keysUnder(indexBucket, owner+aChallenge) {
		if err := t.endChallenge(id, r); err != nil {
			return err
		}
	}
	return nil
}

// endTrustsAfter removes the trusts in a browser that were given after a time.
func (t tx) endTrustsAfter(at time.Time, browser string) error {
	for _, name := range t.keysUnder(trustsBucket, browser+nul) {
		r, found, err := get[challenge.Trust](t, trustsBucket, browser+nul+name)
		if err != nil {
			return err
		}
		if found && r.CreatedAt.After(at) {
			if err := t.endTrust(browser + nul + name); err != nil {
				return err
			}
		}
	}
	return nil
}

// forgetBrowser removes a browser and every trust in it, and returns whose those were.
func (t tx) forgetBrowser(id string) (users []challenge.Username, err error) {
	for _, name := range t.keysUnder(trustsBucket, id+nul) {
		var u challenge.Username
		if err := errors.Join(u.UnmarshalText([]byte(name)), t.endTrust(id+nul+name)); err != nil {
			return nil, err
		}
		users = append(users, u)
	}
	return users, t.delete(browsersBucket, id)
}
