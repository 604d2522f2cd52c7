package challenge

import (
	"crypto/sha256"
	"crypto/subtle"
	"time"
)

// BrowserLife is how long a browser is known after its last login: as long as browsers keep a cookie.
const BrowserLife = 400 * 24 * time.Hour

const (
	siblingWindow = time.Minute // logins of one browser this close together may all have been begun with the same secret
	maxSiblings   = 8           // secrets kept of such a window; of more logins at once the first ones' answers are taken as lost
)

// NewBrowser returns the record of a browser that is first seen at now and is handed the secret.
func NewBrowser(id, secret string, now time.Time) Browser {
	return Browser{ID: id, Current: []BrowserSecret{{Hash: hashSecret(secret), At: now}}, FirstAt: now, UsedAt: now}
}

// Knows reports whether shown is a secret that b may show now: a current one, or the one before it. Any other is a copy of a
// cookie that this browser has long replaced, or this browser's own after a copy was used.
func (b Browser) Knows(shown string) bool {
	hash := hashSecret(shown)
	return b.isCurrent(hash) || b.isPrevious(hash)
}

// Rotate takes the secret that the browser shows at a login and returns the record in which fresh is handed out. copied says that
// shown is neither a current nor the previous secret; b is then returned as it was, and must be forgotten with its trusts.
//
//   - A current secret: it becomes the previous one, fresh is the only current one. All others stop working.
//   - The previous secret: no current one has come back, so their answers may have been lost on a bad line. Within a minute it
//     is a login at the same time as the last one, whose answer may yet win in the browser: both stay current. Later the lost
//     ones stop working.
//   - Anything else: two hold this cookie.
//
// Why a thief is found (threat D1). Once thief and owner have both logged in, the secrets they hold differ, and whoever's current
// secret comes back first makes the other's an unknown one. So from the owner's second login after the thief's on, either a copy
// has been called or the thief's secret is dead and calls it when shown. A thief who logged in once and never again looks like a
// lost answer, and is one: nothing he holds opens anything.
func (b Browser) Rotate(shown, fresh string, now time.Time) (next Browser, copied bool) {
	hash, secret := hashSecret(shown), BrowserSecret{Hash: hashSecret(fresh), At: now}
	switch {
	case b.isCurrent(hash):
		b.Previous, b.PreviousAt = hash, b.HandedOut(shown)
		b.Current = []BrowserSecret{secret}
	case b.isPrevious(hash) && b.loggedInAround(now):
		b.Current = append(b.Current[max(0, len(b.Current)-maxSiblings+1):len(b.Current):len(b.Current)], secret)
	case b.isPrevious(hash):
		b.Current = []BrowserSecret{secret}
	default:
		return b, true
	}
	b.UsedAt = now
	return b, false
}

// HandedOut says when the secret shown was handed out; the zero time stands for one that b does not know. It opens no trust that is
// younger: that was given to the secret handed out with it. Whoever had planted his own browser's cookie in the browser of somebody who
// was then remembered would otherwise hold the previous secret of that trust (threat D6).
func (b Browser) HandedOut(shown string) time.Time {
	hash := hashSecret(shown)
	for _, c := range b.Current {
		if subtle.ConstantTimeCompare(c.Hash, hash) == 1 {
			return c.At
		}
	}
	if b.isPrevious(hash) {
		return b.PreviousAt
	}
	return time.Time{}
}

// isCurrent looks at every secret and in constant time, as far as the hash of a guess could tell a guesser anything.
func (b Browser) isCurrent(hash []byte) bool {
	found := 0
	for _, c := range b.Current {
		found |= subtle.ConstantTimeCompare(c.Hash, hash)
	}
	return found == 1
}

func (b Browser) isPrevious(hash []byte) bool {
	return subtle.ConstantTimeCompare(b.Previous, hash) == 1 // no previous one: lengths differ, which is no match
}

// loggedInAround reports whether the newest current secret is younger than a minute. After the clock was set back by more it is
// not: a sibling would otherwise stay one until the clock has caught up.
func (b Browser) loggedInAround(now time.Time) bool {
	if len(b.Current) == 0 {
		return false
	}
	return now.Sub(b.Current[len(b.Current)-1].At).Abs() < siblingWindow
}

// hashSecret needs no salt and no slow hash: a secret is 256 random bits.
func hashSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
