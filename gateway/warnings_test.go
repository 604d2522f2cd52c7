package gateway_test

import (
	"strings"
	"testing"
)

// Who guesses at alice's codes is told of to alice and to the admin, by the senders that carry codes (invariant 8).
func TestInvariant_8_WrongCodesAreTold(t *testing.T) {
	users := usualUsers()
	for i := range users {
		users[i].Admin = users[i].Name == "bob"
	}
	h := newHouse(t, plan{users: users})
	b := h.browser()
	b.login("alice")
	form := b.codeForm(wrongCode(h.lastCode("alice")))
	for range 5 {
		b.post("/_doorcode/code", form)
	}
	must(t, h.door.Close()) // waits for what is on its way
	if got := h.phone.warnings; len(got) != 1 || !strings.Contains(got[0], "5 wrong login codes for your account") {
		t.Errorf("alice reads %q", got)
	}
	if got := h.mail.warnings; len(got) != 1 || !strings.Contains(got[0], "<bob@example.com>") || !strings.Contains(got[0], "alice") {
		t.Errorf("bob reads %q", got)
	}
}
