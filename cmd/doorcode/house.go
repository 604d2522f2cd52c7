package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"doorcode/challenge"
	"doorcode/challenge/boltstore"
	"doorcode/challenge/email"
	"doorcode/challenge/keys"
	"doorcode/challenge/outbox"
	"doorcode/challenge/sms"
	"doorcode/config"
	"doorcode/gateway"
	"doorcode/templates"
)

// house is the running program: what outlives a reload (state, keys, door, live sessions), and the gateway of the configuration
// in force. It answers requests with whichever gateway that is.
type house struct {
	log     zerolog.Logger
	ring    *keys.Ring
	store   challenge.Store
	door    *challenge.Door
	live    *gateway.Live
	started *config.Settings // what listen, state, keys and log are by
	current atomic.Pointer[inForce]
	refused atomic.Pointer[[]string] // files that the last refused reload found problems in; nil after one that was taken up
	tasks   sync.WaitGroup

	reads  atomic.Uint64 // of both files so far; each has its number from before it began
	taking sync.Mutex
	taken  uint64 // the number of the read in force; under taking

	obeying sync.Mutex
	policy  *challenge.Policy // in force; under obeying
}

// inForce is one configuration and its gateway. It is exchanged whole.
type inForce struct {
	settings *config.Settings
	gateway  *gateway.Gateway
}

// open wires everything: keys → store → senders → door → live sessions → gateway. On an error what was opened is closed again.
func open(ctx context.Context, s *config.Settings, p *challenge.Policy, log zerolog.Logger) (h *house, err error) {
	h = &house{log: log, live: new(gateway.Live), started: s}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if h.ring, err = keys.Open(s.Keys); err != nil {
		return h, err
	}
	store, err := boltstore.Open(s.State, boltstore.Options{})
	if err != nil {
		return h, err
	}
	h.store = store
	if err = h.reconcile(ctx); err != nil {
		return h, err
	}
	texts, providers, err := speaking(s)
	if err != nil {
		return h, err
	}
	h.door = challenge.New(s.Challenge, p, challenge.Parts{Store: h.store, Providers: providers, Keys: h.ring, Texts: texts, Log: log})
	h.force(s, texts)
	return h, h.load(ctx, p)
}

// reconcile holds the state's generation against the keys': an older copy of the state file must not bring deleted devices and
// used codes back to life (threat D8).
func (h *house) reconcile(ctx context.Context) error {
	restored, err := challenge.Reconcile(ctx, h.store, h.ring)
	if restored {
		h.log.Warn().Msg("the state file is an older copy than the one last used: all sessions and remembered devices in it are void")
	}
	return err
}

// load puts the stored sessions on the allow-list, after the policy in force has ended those that it no longer allows.
func (h *house) load(ctx context.Context, p *challenge.Policy) error {
	if err := h.obey(ctx, p); err != nil {
		return err
	}
	sessions, err := h.door.Sessions(ctx)
	if err != nil {
		return fmt.Errorf("load sessions: %w", err)
	}
	for _, session := range sessions {
		h.live.Add(session)
	}
	return nil
}

// obey takes up a policy and ends what it no longer allows (invariant 10).
func (h *house) obey(ctx context.Context, p *challenge.Policy) error {
	h.obeying.Lock()
	defer h.obeying.Unlock()
	h.policy = p
	return h.enforce(ctx)
}

// enforce puts h.policy in force. Called with obeying held.
func (h *house) enforce(ctx context.Context) error {
	revoked, err := h.door.SetPolicy(ctx, h.policy)
	h.live.End(revoked.Sessions...)
	go h.current.Load().gateway.End(ctx, revoked) // signs out at the application, which may hang: nobody waits for it
	return err
}

// obeyEvery is how long the store gets to recover before it is asked again to end what a policy no longer allows.
const obeyEvery = 5 * time.Second

// obeyLater goes on until all that p no longer allows has ended, or another policy is in force. Where ctx ends first, the next start
// holds everything against the policy.
func (h *house) obeyLater(ctx context.Context, p *challenge.Policy) {
	tick := time.NewTicker(obeyEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if h.obeyed(ctx, p) {
				return
			}
		}
	}
}

func (h *house) obeyed(ctx context.Context, p *challenge.Policy) bool {
	h.obeying.Lock()
	defer h.obeying.Unlock()
	if h.policy != p {
		return true
	}
	err := h.enforce(ctx)
	if err == nil {
		h.log.Info().Msg("what the policy no longer allows has ended now")
	}
	return err == nil
}

// force makes s the configuration in force. Requests under way end on the gateway before it.
func (h *house) force(s *config.Settings, texts *templates.Set) {
	g := gateway.New(s.Gateway, gateway.Parts{Door: h.door, Live: h.live, Keys: h.ring, Texts: texts, Log: h.log})
	if before := h.current.Swap(&inForce{settings: s, gateway: g}); before != nil {
		before.gateway.Close()
	}
}

// providers are by channel, in the order in which they are asked.
type providers = map[challenge.Channel][]challenge.Provider

// speaking makes what speaks to users: the texts, and the providers of their messages.
func speaking(s *config.Settings) (*templates.Set, providers, error) {
	texts, err := templates.New(s.Templates)
	if err != nil {
		return nil, nil, err
	}
	all, err := providersOf(s)
	return texts, all, err
}

func providersOf(s *config.Settings) (providers, error) {
	all := providers{}
	if s.Outbox != "" {
		for _, channel := range []challenge.Channel{challenge.SMS, challenge.Email} {
			sender, err := outbox.New(s.Outbox, channel, time.Now)
			if err != nil {
				return nil, err
			}
			all[channel] = []challenge.Provider{{Name: "outbox", Sender: sender}}
		}
		return all, nil
	}
	if s.Email != nil {
		sender, err := email.New(*s.Email)
		if err != nil {
			return nil, err
		}
		all[challenge.Email] = []challenge.Provider{{Name: s.Email.Address(), Sender: sender}}
	}
	for _, c := range s.SMS {
		sender, err := sms.New(c)
		if err != nil {
			return nil, err
		}
		all[challenge.SMS] = append(all[challenge.SMS], challenge.Provider{Name: c.Name, Sender: sender})
	}
	return all, nil
}

// ServeHTTP answers with the gateway in force.
func (h *house) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.current.Load().gateway.ServeHTTP(w, r)
}

// settings are those in force.
func (h *house) settings() *config.Settings { return h.current.Load().settings }

// watch takes changed files up until ctx ends: a configuration and policy without a problem, or none of it.
func (h *house) watch(ctx context.Context, w *config.Watcher, file string, o config.Overrides) {
	w.Run(ctx, func() func() {
		number := h.reads.Add(1)
		texts, providers, settings, policy, err := h.reload(file, o)
		if err != nil {
			h.log.Error().Str("config", file).Msg("the changed files were refused whole; what was in force before stays in force")
			return nil
		}
		return func() {
			h.inOrder(number, func() error { return h.takeUp(ctx, settings, policy, texts, providers) })
		}
	})
}

// refresh takes the files up at once and not when they are next looked at. When it returns nil, what they held when it was called is in
// force, or something newer.
func (h *house) refresh(ctx context.Context, file string, o config.Overrides) error {
	number := h.reads.Add(1)
	texts, providers, settings, policy, err := h.reload(file, o)
	if err != nil {
		return err
	}
	return h.inOrder(number, func() error { return h.takeUp(ctx, settings, policy, texts, providers) })
}

// inOrder takes up what a read found, unless what a later one found is in force: that began after this one, so it saw all that this one
// may have missed.
func (h *house) inOrder(number uint64, takeUp func() error) error {
	h.taking.Lock()
	defer h.taking.Unlock()
	if number < h.taken {
		return nil
	}
	h.taken = number
	return takeUp()
}

// newWatcher looks at the files of whichever configuration is in force; before there is one, at first. It runs only once h is open.
func newWatcher(first func() []string, h **house) *config.Watcher {
	return config.NewWatcher(func() []string {
		if *h == nil {
			return first()
		}
		return (*h).watched()
	}, func(path string, err error) {
		(*h).log.Error().Err(err).Str("file", path).Msg("a file of the configuration is gone; its last content stays in force")
	})
}

// watched is the files in force, and those that a refused gateway.yaml names: mending one of them is to be noticed too.
func (h *house) watched() []string {
	files := h.current.Load().settings.Files
	if refused := h.refused.Load(); refused != nil {
		files = append(slices.Clip(files), *refused...)
	}
	return files
}

// filesOf lists the files that problems were found in, other than those already watched. Variables and flags are no files.
func filesOf(problems config.Problems, watched []string) (files []string) {
	for _, p := range problems {
		if _, err := os.Stat(p.File); err == nil && !slices.Contains(watched, p.File) && !slices.Contains(files, p.File) {
			files = append(files, p.File)
		}
	}
	return files
}

// reload reads everything anew and logs what is wrong with it.
func (h *house) reload(file string, o config.Overrides) (*templates.Set, providers, *config.Settings, *challenge.Policy, error) {
	settings, policy, err := load(file, o, func(p config.Problems) { logProblems(h.log, p) })
	if err != nil {
		var problems config.Problems
		if errors.As(err, &problems) {
			logProblems(h.log, problems)
		}
		files := filesOf(problems, h.current.Load().settings.Files)
		h.refused.Store(&files)
		return nil, nil, nil, nil, err
	}
	texts, providers, err := speaking(settings)
	if err != nil {
		h.log.Error().Err(err).Msg("configuration")
	}
	return texts, providers, settings, policy, err
}

func (h *house) takeUp(ctx context.Context, s *config.Settings, p *challenge.Policy, texts *templates.Set, providers providers) error {
	if at := h.started; at.Listen != s.Listen || at.State != s.State || at.Keys != s.Keys || at.Log != s.Log || at.Admin != s.Admin {
		h.log.Warn().Msg("a change of listen, state, keys, admin or log is taken up at the next start")
	}
	h.refused.Store(nil)
	h.door.SetConfig(s.Challenge, providers, texts)
	h.force(s, texts)
	if err := h.obey(ctx, p); err != nil {
		h.log.Error().Err(err).Msg("the new policy is in force, but not all that it ends could be ended yet; it is tried again")
		h.background(func() { h.obeyLater(ctx, p) })
		return err
	}
	h.log.Info().Str("policy", s.Policy).Msg("changed files taken up")
	return nil
}

// keep runs the housekeeping of whichever gateway is in force.
func (h *house) keep(ctx context.Context) {
	gateway.Keep(ctx, func() *gateway.Gateway { return h.current.Load().gateway })
}

// remindEvery is how often the log says that no code is asked for: often enough that nobody takes such a door for a closed one.
const remindEvery = time.Hour

// remind says so, at once and again, for as long as mode: observe is in force.
func (h *house) remind(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if h.current.Load().settings.Observe {
			h.log.Warn().Msg("mode: observe: nobody is asked for a code; `doorcode report` says what mode: enforce will do")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (h *house) background(task func()) { h.tasks.Go(task) }

// close ends everything in the reverse order of open, and waits for it.
func (h *house) close() error {
	h.tasks.Wait()
	var errs []error
	if now := h.current.Load(); now != nil {
		now.gateway.Close()
	}
	if h.door != nil {
		errs = append(errs, h.door.Close())
	}
	if h.store != nil {
		if h.door != nil {
			// A clean stop moves the generation on too: a copy made while this run lasted is then known as old (threat D8).
			errs = append(errs, h.reconcile(context.Background()))
		}
		errs = append(errs, h.store.Close())
	}
	return errors.Join(errs...)
}
