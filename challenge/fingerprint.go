package challenge

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"

	"doorcode/challenge/keys"
)

// Fingerprint changes when u's code is asked for in another way or goes elsewhere, and with nothing else: what was begun, let in or
// trusted under another one ends (threat D7). A destination that the code does not use is not in it. It is for memory alone: a mobile
// number has so few digits that whoever holds its hash tries them all. What is stored is keyed, see fingerprints.
func (u User) Fingerprint() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q", u.Code)
	for _, c := range u.Channels() {
		fmt.Fprintf(h, " %q %q", c, Subscriber(u.destination(c).Reveal())) // quoted: no two lists of values read alike
	}
	return short(h.Sum(nil))
}

// policyPurpose names the keys that fingerprints are stored under.
const policyPurpose = "policy"

// under returns p with fingerprints as they are stored: keyed, so that a state file tells nothing of destinations to whom the key file is
// not given (threat E5). Door takes up no other. Without a ring p stays as it is, for tests of what never reaches a store.
func (p *Policy) under(ring *keys.Ring) *Policy {
	keyed := *p
	if ring != nil {
		keyed.keys = ring.Pairs(policyPurpose)
	}
	return &keyed
}

// fingerprints are u's under every key, the newest first: that is the one to store, and all of them hold, or a new key would end every
// session.
func (p *Policy) fingerprints(u User) []string {
	plain := u.Fingerprint()
	if p.keys == nil {
		return []string{plain}
	}
	all := make([]string, len(p.keys))
	for i, pair := range p.keys {
		h := hmac.New(sha256.New, pair.Hash)
		h.Write([]byte(plain))
		all[i] = short(h.Sum(nil))
	}
	return all
}

// short is 128 bits as text.
func short(sum []byte) string { return base64.RawURLEncoding.EncodeToString(sum[:16]) }

// set notes under which fingerprints j holds.
func (j *Judgement) set(fingerprints []string) { j.Policy, j.policies = fingerprints[0], fingerprints }

// kept reports whether something that was stored under a fingerprint was stored under what j says.
func (j Judgement) kept(fingerprint string) bool { return slices.Contains(j.policies, fingerprint) }
