package gateway_test

import (
	"strings"
	"testing"
	"time"
)

// A long day at work: the application's own session has timed out, the gateway's lives. The password alone lets the same user go on, also
// when the entry is longer ago than a session may lie unused.
func TestSameUserAgainAfterALongDay(t *testing.T) {
	h := newHouse(t, plan{})
	b := h.browser()
	b.enterWith("alice")
	for range 3 {
		h.clock.add(3 * time.Hour) // of the 8 that it may lie unused
		b.wantMember("alice")
	}
	if a := b.login("alice"); strings.HasPrefix(a.to(), "/_doorcode") {
		t.Errorf("led to %q, want in", a.to())
	}
	b.wantMember("alice")
}
