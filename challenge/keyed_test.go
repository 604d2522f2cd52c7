package challenge_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"doorcode/challenge"
	"doorcode/challenge/keys"
	"doorcode/challenge/secret"
)

// A mobile number has few digits: who has the state file alone must not be able to try them all against what it keeps (E5).
func TestThreat_E5_FingerprintsAreKeyed(t *testing.T) {
	run(t, "nothing that the number alone makes", func(h *house) {
		h.enter(h.login("ahmad"), true)
		h.challenged(h.login("ahmad"))
		own := h.policy.Users[1].Fingerprint()
		s := h.sessions()[0]
		state, err := os.ReadFile(filepath.Join(h.dir, "state.db"))
		if err != nil {
			h.t.Fatal(err)
		}
		for what, bad := range map[string]string{"the fingerprint": own, "the mobile": ahmadMobile[4:]} {
			if bytes.Contains(state, []byte(bad)) {
				h.t.Errorf("%s stands in the state", what)
			}
		}
		if !bytes.Contains(state, []byte(s.Policy)) || s.Policy == "" {
			h.t.Error("the session's fingerprint does not stand in the state: this test looks at the wrong file")
		}
	})
	run(t, "another house's keys make others", func(h *house) {
		one := h.enter(h.login("ahmad"), true).Session()
		if err := os.Remove(filepath.Join(h.dir, "keys")); err != nil {
			h.t.Fatal(err)
		}
		h.reopen()
		if r := h.setPolicy(); len(r.Sessions) != 1 || r.Sessions[0] != one.ID {
			h.t.Errorf("ended %q, want the session under keys that are gone", r.Sessions)
		}
	})
}

// A new key in front ends nothing: sessions, challenges and trusts of before hold until the old one is taken away.
func TestRotationKeepsWhatThereIs(t *testing.T) {
	run(t, "rotated twice", func(h *house) {
		l := h.login("ahmad")
		pass := h.enter(l, true)
		c := h.challenged(h.login("ahmad"))
		code := h.sms.code()
		rotate := func() {
			if err := keys.Rotate(filepath.Join(h.dir, "keys")); err != nil {
				h.t.Fatal(err)
			}
			h.reopen()
			if r := h.setPolicy(); len(r.Sessions)+len(r.Challenges) != 0 {
				h.t.Errorf("ended %+v, want nothing", r)
			}
		}
		rotate()
		if _, err := h.try(c.ID, code); err != nil {
			h.t.Errorf("the pending code: %v", err)
		}
		l.Browser = pass.Browser()
		d := h.decide(l)
		if d.Pass == nil || d.Pass.Way() != challenge.ByTrust {
			h.t.Fatalf("the trusted browser: %s", d.Reason)
		}
		if d.Pass.Session().Policy == pass.Session().Policy {
			h.t.Error("a new session is kept under the old key")
		}
		rotate()
		l.Browser = d.Pass.Browser()
		if d = h.decide(l); d.Pass == nil {
			h.t.Fatalf("the trusted browser, after another rotation: %s", d.Reason)
		}
		h.user("ahmad", func(u *challenge.User) { u.Mobile = secret.New("+970599000000") })
		if len(h.sessions()) != 0 {
			h.t.Errorf("%d sessions outlived a new mobile", len(h.sessions()))
		}
	})
}
