package main

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"doorcode/challenge"
	"doorcode/config"
)

// flaky is a store whose disk is in trouble now and then.
type flaky struct {
	challenge.Store
	trouble atomic.Bool
}

func (f *flaky) Users(ctx context.Context) ([]challenge.Username, error) {
	if f.trouble.Load() {
		return nil, errors.New("input/output error")
	}
	return f.Store.Users(ctx)
}

// What a policy ends, ends also when the store was in trouble as the policy came: it is asked again until all is done.
func TestPolicyIsEnforcedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		writeFile(t, dir+"/gateway.yaml", strings.NewReplacer("ADDRESS", "127.0.0.1:8080", "UPSTREAM", "http://127.0.0.1:8081").Replace(installed))
		writeFile(t, dir+"/users.yaml", installedUsers)
		read := func() (*config.Settings, *challenge.Policy) {
			settings, policy, err := load(dir+"/gateway.yaml", config.Overrides{FileOnly: true}, func(config.Problems) {})
			if err != nil {
				t.Fatal(err)
			}
			return settings, policy
		}
		ctx, stop := context.WithCancel(t.Context())
		settings, policy := read()
		h, err := open(ctx, settings, policy, zerolog.Nop())
		if err != nil {
			t.Fatal(err)
		}
		texts, providers, err := speaking(settings)
		if err != nil {
			t.Fatal(err)
		}
		store := &flaky{Store: h.store}
		h.door = challenge.New(settings.Challenge, policy, challenge.Parts{Store: store, Providers: providers, Keys: h.ring, Texts: texts, Log: zerolog.Nop()})
		decision, err := h.door.Decide(ctx, challenge.Login{Typed: "alice", Confirmed: "alice"})
		if err != nil || decision.Pass == nil {
			t.Fatalf("%+v, %v", decision, err)
		}
		h.live.Add(decision.Pass.Session())

		writeFile(t, dir+"/users.yaml", strings.Replace(installedUsers, "code: off", "code: off, disabled: true", 1))
		settings, policy = read()
		store.trouble.Store(true)
		h.takeUp(ctx, settings, policy, texts, providers)
		time.Sleep(3 * obeyEvery)
		synctest.Wait()
		if h.live.Len() != 1 {
			t.Fatal("the store was not in trouble: the test proves nothing")
		}
		store.trouble.Store(false)
		time.Sleep(obeyEvery)
		synctest.Wait()
		if h.live.Len() != 0 {
			t.Error("the session of a disabled user goes on")
		}
		stop()
		if err := h.close(); err != nil {
			t.Error(err)
		}
	})
}
