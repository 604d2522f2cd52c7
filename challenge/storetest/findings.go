package storetest

import (
	"fmt"
	"time"

	"doorcode/challenge"
)

func findings(f *fixture) {
	seen := challenge.Finding{Kind: challenge.FoundLogin, Name: "ahmad", Detail: "code by sms", Count: 2, FirstAt: f.now, LastAt: f.now.Add(time.Minute)}
	door := challenge.Finding{Kind: challenge.FoundDoor, Name: "/api/login", Count: 1, FirstAt: f.now, LastAt: f.now}
	f.must(f.s.AddFindings(f.Context(), []challenge.Finding{seen, door}))
	later := seen
	later.Count, later.FirstAt, later.LastAt = 3, f.now.Add(time.Hour), f.now.Add(2*time.Hour)
	f.must(f.s.AddFindings(f.Context(), []challenge.Finding{later}))
	f.again(func() {
		all, err := f.s.Findings(f.Context())
		f.must(err)
		if len(all) != 2 || all[0].Name != "/api/login" {
			f.Fatalf("got %v, want the door and one login", all)
		}
		got := all[1]
		if got.Count != 5 || !got.FirstAt.Equal(f.now) || !got.LastAt.Equal(f.now.Add(2*time.Hour)) {
			f.Errorf("got %+v, want 5 of them from the first to the last", got)
		}
	})
}

func findingsBounded(f *fixture) {
	many := make([]challenge.Finding, challenge.MaxFindings+50)
	for i := range many {
		many[i] = challenge.Finding{Kind: challenge.FoundRefused, Name: fmt.Sprint(i), Count: 1, FirstAt: f.now, LastAt: f.now}
	}
	f.must(f.s.AddFindings(f.Context(), many))
	f.must(f.s.AddFindings(f.Context(), append(many[:1:1], challenge.Finding{Kind: challenge.FoundDoor, Name: "/api", Count: 1, FirstAt: f.now, LastAt: f.now})))
	all, err := f.s.Findings(f.Context())
	f.must(err)
	if len(all) != challenge.MaxFindings+1 {
		f.Errorf("%d are kept, want %d and one of another kind", len(all), challenge.MaxFindings)
	}
	_, _, err = f.s.Sweep(f.Context(), f.now.Add(challenge.FindingLife), challenge.SessionLife{Idle: time.Hour, Absolute: time.Hour}, 2*challenge.MaxFindings)
	f.must(err)
	if all, err = f.s.Findings(f.Context()); err != nil || len(all) != 0 {
		f.Errorf("after their life %d are kept, %v", len(all), err)
	}
}
