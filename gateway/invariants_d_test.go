package gateway_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"doorcode/challenge"
)

// Invariant 10: a revocation is over all of what it names, in every tab, before it returns, and over nothing else.
func TestInvariant_10_RevokedAtOnce(t *testing.T) {
	h := newHouse(t, plan{})
	alices, others := []*browser{h.browser(), h.browser(), h.browser()}, h.browser()
	for _, b := range alices {
		b.enterWith("alice")
	}
	others.enterWith("bob")
	var over atomic.Bool
	var late atomic.Int64
	var done sync.WaitGroup
	begun := make(chan struct{}, 100)
	for _, b := range alices {
		for range 4 { // tabs that never rest
			done.Go(func() {
				for range 200 {
					after := over.Load()
					req, err := http.NewRequest("GET", h.url+"/invoice.php?id=7", nil)
					if err != nil {
						t.Error(err)
						return
					}
					req.Header.Set("Cookie", b.cookies())
					req.Header.Set("User-Agent", b.agent)
					res, err := h.bare().client.Do(req)
					if err != nil {
						t.Error(err)
						return
					}
					res.Body.Close()
					if after && res.StatusCode == http.StatusOK {
						late.Add(1)
					}
					if after {
						return
					}
					select {
					case begun <- struct{}{}:
					default:
					}
				}
			})
		}
	}
	<-begun
	revoked, err := h.door.Revoke(t.Context(), challenge.Match{User: h.user("alice")})
	must(t, err)
	h.gateway.End(t.Context(), revoked)
	over.Store(true)
	done.Wait()
	if n := late.Load(); n != 0 || len(revoked.Sessions) != 3 {
		t.Errorf("%d requests begun after the revocation were served, %d sessions ended, want none and 3", n, len(revoked.Sessions))
	}
	for _, b := range alices {
		b.wantVisitor()
	}
	others.wantMember("bob")
}

// What is not on the list has ended, whatever its cookie says: a session past its limits, and one that the store does not know.
func TestInvariant_10_AllowList(t *testing.T) {
	for name, then := range map[string]func(h *house){
		"idle for eight hours": func(h *house) { h.clock.add(8*time.Hour + time.Minute) },
		"idle, and restarted":  func(h *house) { h.clock.add(8*time.Hour + time.Minute); h.restart() },
		"a store without it":   func(h *house) { h.close(); must(h.t, os.Remove(filepath.Join(h.dir, "doorcode.db"))); h.open() },
		"swept":                func(h *house) { h.clock.add(25 * time.Hour); must(h.t, sweep(h)); h.clock.add(-25 * time.Hour) },
		"other keys":           func(h *house) { must(h.t, os.Remove(filepath.Join(h.dir, "doorcode.keys"))); h.restart() },
		"revoked while it was on": func(h *house) {
			_, err := h.door.Revoke(h.t.Context(), challenge.Match{User: h.user("alice")})
			must(h.t, err)
			h.restart()
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, plan{})
			b := h.browser()
			b.enterWith("alice")
			ran := len(h.ranAs("alice"))
			then(h)
			if a := b.post("/note.php", url.Values{"text": {"x"}}); a.StatusCode != http.StatusUnauthorized {
				t.Errorf("a form on the ended session: %d to %q, want the page that keeps it", a.StatusCode, a.to())
			}
			b.wantVisitor()
			if after := len(h.ranAs("alice")); after != ran {
				t.Errorf("the upstream ran %d requests as alice", after-ran)
			}
		})
	}
}

func sweep(h *house) error {
	revoked, err := h.door.Sweep(h.t.Context())
	h.gateway.End(h.t.Context(), revoked)
	return err
}
