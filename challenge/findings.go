package challenge

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// Finding is one thing that ops should know, most of all in the days before going live: who signs in and what becomes of it, and what
// the gateway keeps from the application. `doorcode report` sums them up.
type Finding struct {
	Kind    FindingKind `json:"kind"`
	Name    string      `json:"name"`   // a user, a cookie, a path
	Detail  string      `json:"detail"` // what became of it, or would have
	Count   int         `json:"count"`
	FirstAt time.Time   `json:"first_at"`
	LastAt  time.Time   `json:"last_at"`
}

// FindingKind says what a finding's Name is.
type FindingKind string

const (
	FoundLogin   FindingKind = "login"   // a user whose password was right; Detail begins with an Outcome
	FoundCookie  FindingKind = "cookie"  // dropped or withheld; Detail is the line of configuration that would let it through
	FoundRefused FindingKind = "refused" // a path that was refused; Detail is why
	FoundDoor    FindingKind = "door"    // a path under doors that somebody asked for
)

const (
	// MaxFindings bounds what is kept of one kind: names of cookies and paths are strangers' to choose (threat E7).
	MaxFindings = 1000
	// FindingLife is how long a finding is kept after it was last seen.
	FindingLife = 90 * 24 * time.Hour
)

// Merge adds what was seen again to a finding.
func (f Finding) Merge(more Finding) Finding {
	f.Count += more.Count
	if more.FirstAt.Before(f.FirstAt) {
		f.FirstAt = more.FirstAt
	}
	if more.LastAt.After(f.LastAt) {
		f.LastAt = more.LastAt
	}
	return f
}

// findings gathers what was found until it is written, once a minute: no request waits for the disk because of it.
type findings struct {
	mu     sync.Mutex
	unsent map[findingKey]Finding
}

type findingKey struct {
	kind         FindingKind
	name, detail string
}

func (f *findings) add(found Finding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := findingKey{found.Kind, found.Name, found.Detail}
	before, known := f.unsent[key]
	if known {
		found = before.Merge(found)
	} else if len(f.unsent) >= MaxFindings {
		return
	}
	if f.unsent == nil {
		f.unsent = map[findingKey]Finding{}
	}
	f.unsent[key] = found
}

func (f *findings) take() []Finding {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]Finding, 0, len(f.unsent))
	for _, found := range f.unsent {
		all = append(all, found)
	}
	f.unsent = nil
	slices.SortFunc(all, func(a, b Finding) int {
		return cmp.Or(a.FirstAt.Compare(b.FirstAt), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Detail, b.Detail))
	})
	return all
}

// maxFinding bounds name and detail, which may come from requests.
const maxFinding = 200

// Found notes one finding. It is written within a minute, and may be lost where the gateway is killed before.
func (d *Door) Found(kind FindingKind, name, detail string) {
	now := d.now()
	d.findings.add(Finding{Kind: kind, Name: name[:min(len(name), maxFinding)], Detail: detail[:min(len(detail), maxFinding)], Count: 1, FirstAt: now, LastAt: now})
}

// WriteFindings writes what was found since the last time. With an error it is kept for the next.
func (d *Door) WriteFindings(ctx context.Context) error {
	found := d.findings.take()
	if len(found) == 0 {
		return nil
	}
	err := d.store.AddFindings(ctx, found)
	if err != nil {
		for _, f := range found {
			d.findings.add(f)
		}
	}
	return err
}

// Findings returns everything that was found and not forgotten, those of one kind and name together.
func (d *Door) Findings(ctx context.Context) ([]Finding, error) {
	if err := d.WriteFindings(ctx); err != nil {
		return nil, err
	}
	return d.store.Findings(ctx)
}
