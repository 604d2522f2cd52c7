package gateway

import (
	"net/netip"
	"strconv"
	"testing"
	"time"

	"doorcode/challenge"
)

// A caller has his rate, calls at once are counted apart from it, and what is over is given back.
func TestMeters(t *testing.T) {
	m := newMeters(challenge.Rate{Count: 2, Per: time.Minute}, 1)
	now := time.Unix(1000, 0)
	release, wait := m.take("a", now)
	if wait != 0 {
		t.Fatalf("the first call waits %v", wait)
	}
	if _, wait := m.take("a", now); wait != time.Second {
		t.Errorf("a second at once waits %v, want a second", wait)
	}
	release()
	if release, wait = m.take("a", now); wait != 0 {
		t.Fatalf("the second waits %v: the refused one was counted", wait)
	}
	release()
	for range 3 { // refused ones use nothing up
		if _, wait := m.take("a", now); wait != 30*time.Second {
			t.Errorf("the third waits %v, want 30s", wait)
		}
	}
	if _, wait := m.take("b", now); wait != 0 {
		t.Errorf("another caller waits %v", wait)
	}
	if _, wait := m.take("a", now.Add(31*time.Second)); wait != 0 {
		t.Errorf("after 31 s he waits %v", wait)
	}
}

// However many addresses call, the memory is bounded, and who finds no room is limited with the others.
func TestMetersAreBounded(t *testing.T) {
	m := newMeters(challenge.Rate{Count: 2, Per: time.Minute}, 100)
	now := time.Unix(1000, 0)
	for i := range maxMeters {
		if _, wait := m.take(strconv.Itoa(i), now); wait != 0 {
			t.Fatal("the first call of an address waits")
		}
	}
	for i := range 3 {
		if _, wait := m.take("late "+strconv.Itoa(i), now); (wait > 0) != (i == 2) {
			t.Errorf("late caller %d waits %v: want them limited together", i, wait)
		}
	}
	if len(m.by) > maxMeters+1 {
		t.Errorf("%d meters", len(m.by))
	}
	m = newMeters(challenge.Rate{Count: 2, Per: time.Minute}, 100)
	for i := range maxMeters {
		release, _ := m.take(strconv.Itoa(i), now)
		release()
	}
	m.take("later", now.Add(time.Hour))
	if len(m.by) != 1 {
		t.Errorf("%d meters after an hour, want those forgotten that are as new", len(m.by))
	}
}

func TestMeterAddress(t *testing.T) {
	for address, want := range map[string]string{"192.0.2.7": "192.0.2.7", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "2001:db8:1:2::9": "2001:db8:1:2::/64"} {
		if got := meterAddress(netip.MustParseAddr(address)); got != want {
			t.Errorf("meterAddress(%s) = %s, want %s", address, got, want)
		}
	}
}
