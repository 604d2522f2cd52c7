package boltstore

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"doorcode/challenge"
)

// BenchmarkAdmit is one login with code, from the challenge to the session: two synced transactions, alone and 64 at once. Time
// an operation is a login's share of the disk, not how long it waited.
func BenchmarkAdmit(b *testing.B) {
	for name, atOnce := range map[string]int{"alone": 1, "64": 64} {
		b.Run(name, func(b *testing.B) {
			s, err := Open(filepath.Join(b.TempDir(), "doorcode.db"), Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			for range atOnce {
				wg.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						if err := login(b, s, int(i)); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

func login(b *testing.B, s *Store, i int) error {
	e := entry(i)
	c := challenge.Challenge{
		ID: fmt.Sprintf("c%s", e.Session.ID), User: e.Session.User, Held: make(challenge.Held, 2048), Code: make([]byte, 64),
		CreatedAt: e.Now, ExpiresAt: e.Now.Add(10 * time.Minute),
	}
	hour := challenge.Rate{Count: 1 << 40, Per: time.Hour}
	charge := challenge.SendCharge{User: c.User, UserRate: hour, AddressRate: hour, DayRate: hour, Messages: 1, Now: e.Now}
	if _, err := s.Begin(b.Context(), c, "", charge, e.Rules); err != nil {
		return err
	}
	e.Way, e.Challenge, e.Right = challenge.ByCode, c.ID, func([]byte) bool { return true }
	_, err := s.Admit(b.Context(), e)
	return err
}
