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
	of     map[FindingKind]int // how many of each kind: strangers' paths must not crowd out who signs in
}

type findingKey struct {
	kind         FindingKind
	name, detail string
}

func (f *findings) add(found Finding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unsent == nil {
		f.unsent, f.of = map[findingKey]Finding{}, map[FindingKind]int{}
	}
	key := findingKey{found.Kind, found.Name, found.Detail}
	before, known := f.unsent[key]
	if known {
		found = before.Merge(found)
	} else if f.of[found.Kind] >= MaxFindings {
		return
	} else {
		f.of[found.Kind]++
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
	f.unsent, f.of = nil, nil
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
	found, err := d.store.Findings(ctx)
	if err != nil {
		return nil, err
	}
	return d.Policy().together(found), nil
}

// together makes one finding of those of one user: who is not listed is found under every spelling that he typed, and counts once. He is
// called as the policy calls him, else as he was first seen.
func (p *Policy) together(found []Finding) (all []Finding) {
	names, at := map[Username]Finding{}, map[findingKey]int{}
	for _, f := range found {
		if u := p.userIn(f); !u.IsZero() && (names[u].Name == "" || f.FirstAt.Before(names[u].FirstAt)) {
			names[u] = f
		}
	}
	for _, f := range found {
		if u := p.userIn(f); !u.IsZero() {
			f.Name = names[u].Name
			if l := p.listed[u]; l != nil {
				f.Name = l.user.Name
			}
		}
		key := findingKey{f.Kind, f.Name, f.Detail}
		if i, known := at[key]; known {
			all[i] = all[i].Merge(f)
			continue
		}
		at[key] = len(all)
		all = append(all, f)
	}
	return all
}

// userIn is whose login was found; nobody for other findings and for names that cannot be compared.
func (p *Policy) userIn(f Finding) Username {
	if f.Kind != FoundLogin {
		return Username{}
	}
	u, err := p.config.Fold.Username(f.Name)
	if err != nil {
		return Username{}
	}
	if l := p.listed[u]; l != nil {
		return l.username // also by an alias
	}
	return u
}
