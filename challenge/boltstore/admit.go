package boltstore

import (
	"context"
	"errors"
	"slices"
	"time"

	"doorcode/challenge"
)

// Admit is challenge.Store's.
func (s *Store) Admit(ctx context.Context, e challenge.Entry) (challenge.Admitted, error) {
	if e.Session.ID == "" || e.NewSecret == "" || e.NewBrowserID == "" {
		return challenge.Admitted{}, s.trouble(errors.New("an entry needs a session id, a browser id and a browser secret"))
	}
	return write(ctx, s, func(t tx) (a challenge.Admitted, refusal, trouble error) {
		switch e.Way {
		case challenge.ByCode:
			refusal, trouble = t.tryCode(e, &a)
		case challenge.ByTrust:
			refusal, trouble = t.spareCode(e, &a)
		case challenge.BySession:
			refusal, trouble = t.goOn(e, &a)
		}
		if refusal == nil && trouble == nil {
			trouble = t.enter(e, &a)
		}
		return a, refusal, trouble
	})
}

// tryCode counts one try of e's challenge, compares, and uses the challenge up or adds a wrong code. All of it is one transaction and
// bbolt runs one at a time: a hundred tries at once count as a hundred, and of two right codes the second finds no challenge (C2).
func (t tx) tryCode(e challenge.Entry, a *challenge.Admitted) (refusal, trouble error) {
	c, found, err := get[challenge.Challenge](t, challengesBucket, e.Challenge)
	if err != nil {
		return nil, err
	}
	if !found || !c.Live(e.Now) || c.Tries >= e.Rules.Tries {
		return challenge.ErrWrongCode, nil
	}
	if c.User != e.Session.User {
		return nil, errors.New("an entry for another user than the challenge's")
	}
	if refusal, trouble = t.mayTry(c.User, e.Now); refusal != nil || trouble != nil {
		return refusal, trouble
	}
	c.Tries++
	if err := t.putChallenge(c); err != nil { // before anything is compared
		return nil, err
	}
	right, err := t.compare(e, c, a)
	if err != nil {
		return nil, err
	}
	if !right {
		return challenge.ErrWrongCode, t.addWrong(e, c, a)
	}
	a.Challenge = c
	var used challenge.Revoked
	return nil, errors.Join(t.endChallenge(c.ID, &used), t.clearWrongs(c.User, e, a))
}

// compare holds what was entered against the challenge's code and the user's entry code, always both, and uses an entry code up.
func (t tx) compare(e challenge.Entry, c challenge.Challenge, a *challenge.Admitted) (right bool, trouble error) {
	made, found, err := get[challenge.EntryCode](t, entryBucket, c.User.String())
	if err != nil {
		return false, err
	}
	byCode := e.Right != nil && e.Right(c.Code)
	byEntry := found && made.Live(e.Now) && e.RightEntry != nil && e.RightEntry(made)
	if byCode || !byEntry {
		return byCode, nil
	}
	a.EntryCode = made
	return true, t.endEntryCode(c.User)
}

// addWrong counts a wrong code against the user. It ends the challenge with its last try, and with the user's last all that the
// user has pending: nothing of a locked user's may still be tried (C9).
func (t tx) addWrong(e challenge.Entry, c challenge.Challenge, a *challenge.Admitted) error {
	wrongs, err := t.wrongs(c.User)
	if err != nil {
		return err
	}
	wrongs = wrongs.Add(e.Now, e.Trail)
	a.Wrongs = len(wrongs)
	if a.Alarm, err = t.alarm(c.User, len(wrongs), e.Now); err != nil {
		return err
	}
	if err := t.putWrongs(c.User, wrongs); err != nil {
		return err
	}
	if _, locked := wrongs.Wait(e.Now); locked {
		return errors.Join(t.endChallenges(ofUser(c.User), &a.Revoked), t.endEntryCode(c.User))
	}
	if c.Tries >= e.Rules.Tries {
		return t.endChallenge(c.ID, &a.Revoked)
	}
	return nil
}

func (t tx) clearWrongs(u challenge.Username, e challenge.Entry, a *challenge.Admitted) error {
	wrongs, err := t.wrongs(u)
	if err != nil {
		return err
	}
	left := wrongs.Fade(e.Now).Clear(e.Trail)
	a.Wrongs = len(left)
	if len(left) == len(wrongs) {
		return nil
	}
	return t.putWrongs(u, left)
}

// spareCode says whether e's browser is trusted by e's user, and forgets a browser whose cookie was copied.
func (t tx) spareCode(e challenge.Entry, a *challenge.Admitted) (refusal, trouble error) {
	b, known, err := t.browser(e)
	if err != nil {
		return nil, err
	}
	if !known {
		return challenge.ErrNotTrusted, nil
	}
	if !b.Knows(e.Browser.Secret) {
		return challenge.ErrCopied, t.endCopied(b.ID, a)
	}
	trust, found, err := get[challenge.Trust](t, trustsBucket, trustKey(b.ID, e.Session.User))
	if err != nil {
		return nil, err
	}
	if !found || !holds(trust, e) || trust.CreatedAt.After(b.HandedOut(e.Browser.Secret)) {
		return challenge.ErrNotTrusted, nil
	}
	trust.UsedAt, trust.Policy = e.Now, e.Session.Policy
	a.Trust = trust
	return nil, t.putTrust(trust)
}

// goOn says whether e's user is still in the session that e would take over from. The copy is looked for first, since it may end
// that very session.
func (t tx) goOn(e challenge.Entry, a *challenge.Admitted) (refusal, trouble error) {
	refusal = challenge.ErrNotTrusted
	b, known, err := t.browser(e)
	if err != nil {
		return nil, err
	}
	if known && !b.Knows(e.Browser.Secret) {
		refusal = challenge.ErrCopied
		if err := t.endCopied(b.ID, a); err != nil {
			return nil, err
		}
	}
	before, found, err := get[challenge.Session](t, sessionsBucket, e.Replaces)
	if err != nil || found && before.User == e.Session.User {
		return nil, err
	}
	return refusal, nil
}

// endCopied forgets a browser whose cookie was copied, with every trust in it and every session that such a trust let in: owner and
// thief look alike, and a thief who was let in without a code would else stay for as long as a session lives. Sessions that a code let in
// go on: the thief has none, and whoever shows an old cookie must not be able to throw the owner out of his work (E8).
func (t tx) endCopied(browser string, a *challenge.Admitted) error {
	for _, id := range t.keysUnder(indexBucket, ofBrowser(browser)+aSession) {
		s, _, err := get[challenge.Session](t, sessionsBucket, id)
		if err != nil {
			return err
		}
		if !s.Trusted {
			continue
		}
		if err := t.endSession(id, &a.Revoked); err != nil {
			return err
		}
	}
	var err error
	a.Copied, err = t.forgetBrowser(browser)
	return err
}

// holds reports whether trust spares e the code: in the browser's family it was given in (D1), under the policy it was given under
// (D7), and neither past its end nor older than the policy allows today.
func holds(trust challenge.Trust, e challenge.Entry) bool {
	return trust.Family == e.Family &&
		slices.Contains(e.Policies, trust.Policy) &&
		e.Now.Before(trust.Until) &&
		e.Now.Before(trust.CreatedAt.Add(e.Remember))
}

// browser returns the record of the browser that e shows, unless it has not been used for so long that browsers dropped the cookie.
func (t tx) browser(e challenge.Entry) (b challenge.Browser, known bool, err error) {
	b, known, err = get[challenge.Browser](t, browsersBucket, e.Browser.ID)
	if known && e.Now.Sub(b.UsedAt) >= challenge.BrowserLife {
		return challenge.Browser{}, false, nil
	}
	return b, known, err
}

// Choice is challenge.Store's.
func (s *Store) Choice(ctx context.Context, shown challenge.BrowserCookie, u challenge.Username, now time.Time) (challenge.Channel, error) {
	return read(ctx, s, func(t tx) (challenge.Channel, error) {
		b, known, err := t.browser(challenge.Entry{Browser: shown, Now: now})
		if !known || err != nil || !b.Knows(shown.Secret) {
			return "", err
		}
		return b.Chosen(u), nil
	})
}

// enter writes what an entry leaves behind: browser, trust, session.
func (t tx) enter(e challenge.Entry, a *challenge.Admitted) error {
	if err := t.enterBrowser(e, a); err != nil {
		return err
	}
	if e.Way == challenge.ByCode && e.Remember > 0 {
		a.Trust = challenge.Trust{
			Browser: a.Browser.ID, User: e.Session.User, Policy: e.Session.Policy, Family: e.Family,
			CreatedAt: e.Now, UsedAt: e.Now, Until: e.Now.Add(e.Remember),
		}
		if err := t.putTrust(a.Trust); err != nil {
			return err
		}
	}
	if _, found, err := get[challenge.Session](t, sessionsBucket, e.Session.ID); found || err != nil {
		return errors.Join(err, errors.New("a session needs an id of its own"))
	}
	var ended challenge.Revoked
	for _, id := range []string{e.Replaces, a.Challenge.Replaces} {
		if err := t.endSession(id, &ended); err != nil {
			return err
		}
	}
	a.Ended = ended.Sessions
	a.Session = e.Session
	a.Session.Way, a.Session.Browser = e.Way, a.Browser.ID
	if a.EntryCode.ID != "" {
		a.Session.Way = challenge.ByEntry
	}
	return t.putSession(a.Session)
}

// enterBrowser rotates the secret of e's browser, or begins a new one: for a browser that has none, and in place of a copied one,
// which loses its trusts however good the code was.
func (t tx) enterBrowser(e challenge.Entry, a *challenge.Admitted) error {
	b, known, err := t.browser(e)
	if err != nil {
		return err
	}
	copied := false
	if known {
		handed := b.HandedOut(e.Browser.Secret)
		b, copied = b.Rotate(e.Browser.Secret, e.NewSecret, e.Now)
		if !copied {
			// What the secret shown does not open ends before it becomes a new one, which is younger and would open it.
			if err := t.endTrustsAfter(handed, b.ID); err != nil {
				return err
			}
		}
	}
	if copied {
		if err := t.endCopied(b.ID, a); err != nil {
			return err
		}
	}
	if !known || copied {
		b = challenge.NewBrowser(e.NewBrowserID, e.NewSecret, e.Now)
	}
	b.Family, b.Agent, b.Address = e.Family, e.Session.Agent, e.Session.Address
	if e.Choice != "" {
		b = b.Choose(e.Session.User, e.Choice)
	}
	a.Browser = b
	return put(t, browsersBucket, b.ID, b)
}
