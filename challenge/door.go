// Package challenge is the door: it decides whether a login that the upstream accepted needs a code, sends the code, counts the
// tries, and admits. It knows nothing of HTTP, cookies or files: package gateway brings it logins and takes away passes.
package challenge

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"doorcode/challenge/keys"
	"doorcode/challenge/secret"
	"doorcode/templates"
)

// Way names how a login came in: the closed list of invariant 1.
type Way string

const (
	ByCode     Way = "code"          // the right code
	ByEntry    Way = "entry code"    // the code that an admin made for this user, on the same page
	ByTrust    Way = "trusted"       // a browser that this user trusts
	BySession  Way = "session"       // the same user logging in again in a live member session
	ByOff      Way = "code: off"     // the policy exempts the user
	ByUnlisted Way = "unlisted: off" // the policy exempts users that it does not list
	ByNetwork  Way = "no_code"       // the policy exempts the network that the login comes from
	ByDate     Way = "from"          // the policy exempts the user until a day that is still to come
	ByObserve  Way = "mode: observe" // nobody is asked yet; what would have happened is recorded
)

// Channel is a way a code travels.
type Channel string

const (
	SMS   Channel = "sms"
	Email Channel = "email"
)

// Message is one message to one destination. It holds the code, so every part of it is secret.
type Message struct {
	To       secret.Text // E.164 with + for SMS, an address for e-mail
	Language string
	Subject  secret.Text // e-mail only
	Text     secret.Text
	HTML     secret.Text // e-mail only; "" for text alone
	ID       string      // names this send in logs and at providers; no secret
}

// Sender hands one message to a mail server or an SMS provider and returns nil only when that has accepted it. It is never
// called twice for one send; a Sender itself may try again only when nothing of the message had left the machine.
// Errors are for ops: they name the server and what it said, never the code, the text or a full number. One that surely left nothing
// on its way is ErrNotAccepted to errors.Is, and ErrRefused besides where the server answered and did not like this very message. Any
// other may have sent it: then nobody else is asked, since a second message is a second bill and a user who does not know which to read.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// What errors of a Sender say of the message.
var (
	ErrNotAccepted = errors.New("the message was not accepted")
	ErrRefused     = errors.New("this message was refused") // of others it says nothing: a number that nobody has
)

// Login is what package gateway knows of a login that the upstream has accepted.
type Login struct {
	Typed     string                        // the user name as typed
	Confirmed string                        // as the upstream's confirm page names the user; "" where it names nobody
	Cookies   []string                      // names of the cookies that the login set; kept in the session
	IDs       []string                      // of them, those that could name a session of the application; likewise
	Address   netip.Addr                    // of the client
	HiddenBy  string                        // the header by which a proxy that nobody named gave itself away; "" for none
	Agent     string                        // User-Agent, at most 512 bytes
	Family    string                        // of the browser
	Language  string                        // of the page, for users whose policy names none
	Trail     string                        // from the browser's gateway cookie
	Browser   BrowserCookie                 // zero when it has none
	Member    *Session                      // the live member session the login came in; nil for none
	Pending   string                        // the challenge this browser had pending; "" for none
	Return    string                        // where to go afterwards
	Host      string                        // first public_url's host
	Hold      func(id string) (Held, error) // seals the upstream session to the id of a challenge
}

func (l Login) asked(now time.Time) Asked {
	return Asked{Typed: l.Typed, Confirmed: l.Confirmed, Address: l.Address, Hidden: l.HiddenBy != "", At: now}
}

// Decision is the outcome of Decide. Exactly one of Pass, Challenge and Refusal is set.
type Decision struct {
	Pass      *Pass
	Challenge *Challenge
	Refusal   Refusal
	Reason    string  // for the audit log: which entry of the list, or which line of the policy
	Revoked   Revoked // what ended on the way (a replaced challenge); the caller ends it in memory and upstream
}

// Refusal says why nobody enters although the password was right.
type Refusal string

const (
	RefusedUnlisted      Refusal = "unlisted"       // not in users.yaml, and unlisted: refuse
	RefusedDisabled      Refusal = "disabled"       // disabled: true
	RefusedNetwork       Refusal = "network"        // from outside networks.only
	RefusedNoDestination Refusal = "no destination" // should not happen with a checked policy
)

// Try is one entered code.
type Try struct {
	Challenge string // id, from the browser's gateway cookie
	Code      string // as typed; any digits of standards.md §4 are read
	Remember  bool   // "Remember my device" was ticked
	Trail     string
	Browser   BrowserCookie
	Address   netip.Addr
	Agent     string
	Family    string
}

// Parts are what a Door works with.
type Parts struct {
	Store     Store
	Providers map[Channel][]Provider
	Keys      *keys.Ring
	Texts     *templates.Set
	Now       func() time.Time // nil is time.Now
	Log       zerolog.Logger
}

// Door decides, sends codes, counts tries and admits. Its methods may be called at any time and together.
type Door struct {
	store Store
	keys  *keys.Ring
	now   func() time.Time
	log   zerolog.Logger

	setup atomic.Pointer[setup]

	// gate is held for reading from the moment the policy is asked until the store has written what it allowed, and for writing
	// while the policy is swapped. So whatever the old policy let in is in the store when SetPolicy looks there (threat D7).
	gate   sync.RWMutex
	policy atomic.Pointer[Policy]

	changing sync.Mutex // one SetPolicy at a time
	settled  *Policy    // the last policy that the whole store was held against

	leftMu sync.Mutex
	left   []Challenge // ended in passing, for the next Sweep to hand back

	post     *post
	ward     ward
	findings findings
}

// location is whose calendar days are counted, and whose time messages say.
func (s *setup) location() *time.Location { return orLocal(s.Zone) }

func orLocal(zone *time.Location) *time.Location {
	if zone == nil {
		return time.Local
	}
	return zone
}

// setup is what a reload of the configuration swaps.
type setup struct {
	Config
	providers map[Channel][]Provider
	texts     *templates.Set
}

// New makes a Door. Call SetPolicy once before the first login, also with the same policy: it ends what changed while the
// gateway was down.
func New(c Config, p *Policy, parts Parts) *Door {
	p = p.under(parts.Keys)
	d := &Door{
		store: parts.Store, keys: parts.Keys, now: parts.Now, log: parts.Log,
		settled: p, post: newPost(),
	}
	d.policy.Store(p)
	if d.now == nil {
		d.now = time.Now
	}
	d.SetConfig(c, parts.Providers, parts.Texts)
	return d
}

// Config is the configuration in force, for pages that say its numbers.
func (d *Door) Config() Config { return d.setup.Load().Config }

// Policy is the policy in force, for what is asked of it at every request: no lock is taken.
func (d *Door) Policy() *Policy { return d.policy.Load() }

// Lists reports whether the policy lists a user of this name.
func (d *Door) Lists(name string) bool {
	return d.policy.Load().named(name).Listed
}

// SetConfig takes up a new configuration. Pending challenges keep the length and expiry of their codes.
func (d *Door) SetConfig(c Config, providers map[Channel][]Provider, texts *templates.Set) {
	d.setup.Store(&setup{Config: c, providers: providers, texts: texts})
}

// ways are tried in this order before a code is asked. With ByCode and ByEntry they are the closed list of invariant 1.
var ways = [...]Way{ByOff, ByUnlisted, ByNetwork, ByDate, BySession, ByTrust, ByObserve}

// Decide judges a login that the upstream accepted. A code, when one is asked, is on its way when Decide returns: it waits at
// most Config.DeliveryWait for the outcome, and Decision.Challenge.Routes says what is known by then.
//
// ErrWait and ErrLocked: no code was sent and nobody enters. Any other error: store, key or template trouble; nobody enters.
// Unless a Challenge is returned, what l.Hold would hold is the caller's to release or to sign out. Decision.Revoked is the caller's
// to end also with an error.
func (d *Door) Decide(ctx context.Context, l Login) (Decision, error) {
	dec, sending, err := d.decide(ctx, l)
	if err != nil || sending == nil {
		return dec, err
	}
	dec.Challenge.Routes = sending.wait(ctx, d.setup.Load().DeliveryWait)
	return dec, nil
}

func (d *Door) decide(ctx context.Context, l Login) (Decision, *sending, error) {
	d.gate.RLock()
	defer d.gate.RUnlock()
	j := d.policy.Load().Judge(l.asked(d.now()))
	if j.Hidden {
		d.log.Warn().Str("user", j.User.Name).Stringer("address", l.Address).Str("header", l.HiddenBy).
			Msg("networks.no_code was not applied: a proxy that trusted_proxies does not name sent this header, so the address may be the proxy's")
	}
	d.Found(FoundLogin, cmp.Or(j.User.Name, l.Typed), j.outcome())
	if j.Refusal != "" && !d.policy.Load().observes(j) {
		return Decision{Refusal: j.Refusal, Reason: j.Reason}, nil, nil
	}
	var ended Revoked
	for _, way := range ways {
		pass, lost, err := d.admit(ctx, attempt{way: way, login: l})
		ended.Sessions = append(ended.Sessions, lost...)
		switch {
		case err == nil:
			return Decision{Pass: pass, Reason: string(way) + ": " + j.Reason, Revoked: ended.and(d.replace(ctx, l.Pending))}, nil, nil
		case errors.Is(err, ErrCopied):
			j.Reason += "; browser cookie was copied"
		case !errors.Is(err, ErrNotTrusted):
			return Decision{Revoked: ended}, nil, err
		}
	}
	dec, sending, err := d.begin(ctx, l, j)
	dec.Revoked = ended.and(dec.Revoked)
	return dec, sending, err
}

// replace ends the challenge that a browser had pending when its login passed without one. The browser has lost its id
// by now, so trouble here keeps nobody out: the sweep finds it.
func (d *Door) replace(ctx context.Context, pending string) Revoked {
	if pending == "" {
		return Revoked{}
	}
	r, err := d.store.Cancel(ctx, pending)
	if err != nil {
		d.log.Error().Err(err).Msg("a replaced challenge was not cancelled, it will expire")
	}
	return r
}

// begin writes the challenge and, once it is on disk, posts its messages: a code that nobody could count is never sent.
func (d *Door) begin(ctx context.Context, l Login, j Judgement) (Decision, *sending, error) {
	set := d.setup.Load()
	c, err := d.newChallenge(ctx, set, l, j)
	if err != nil {
		return Decision{}, nil, err
	}
	var revoked Revoked
	messages, err := d.charged(set, c, j, c.Routes, func(to []Route) (err error) {
		c.Routes, c.Last = to, channelsOf(to)
		revoked, err = d.store.Begin(ctx, c, l.Pending, set.charge(c, to, l.Address, c.CreatedAt), set.Rules)
		return err
	})
	if d.hasEntryCode(ctx, j.Username, err) {
		c.Routes, c.Last, c.Sends, c.SentAt, messages = nil, nil, 0, time.Time{}, nil
		revoked, err = d.store.Begin(ctx, c, l.Pending, SendCharge{User: c.User, Address: l.Address, Now: c.CreatedAt}, set.Rules)
	}
	if err == nil && l.Member != nil {
		// The browser is somebody else's from here on. Its session ends now and in the store, or a restart would bring it back
		// while the code was never entered (invariant 10, A12).
		var ended Revoked
		ended, err = d.store.Revoke(ctx, Match{Session: l.Member.ID})
		revoked = revoked.and(ended)
	}
	if err != nil {
		return Decision{Revoked: revoked}, nil, err
	}
	return Decision{Challenge: &c, Reason: j.Reason, Revoked: revoked}, d.deliver(set, c, messages), nil
}

func (d *Door) newChallenge(ctx context.Context, set *setup, l Login, j Judgement) (Challenge, error) {
	now := d.now()
	by, err := d.firstWays(ctx, l, j)
	if err != nil {
		return Challenge{}, err
	}
	c := Challenge{
		ID: newID(), User: j.Username, Name: j.User.Name, Policy: j.Policy, Routes: d.routes(j.User, by), Last: by,
		Typed: j.Typed, Confirmed: l.Confirmed, Cookies: l.Cookies, IDs: l.IDs,
		Trail: l.Trail, Browser: l.Browser.ID, Remember: j.User.Remember, Return: l.Return,
		Language: set.texts.Choose(j.User.Language, l.Language), Host: l.Host,
		Address: l.Address, Agent: clipAgent(l.Agent), CreatedAt: now, ExpiresAt: now.Add(set.life()),
	}
	if len(by) > 0 {
		c.Sends, c.SentAt = 1, now
	}
	code, err := newCode(set.Digits)
	if err != nil {
		return Challenge{}, err
	}
	if c.Code, err = d.sealCode(c.ID, code); err != nil {
		return Challenge{}, err
	}
	c.Held, err = l.Hold(c.ID)
	return c, err
}

// TryCode counts one try, compares in constant time and on a match uses the challenge up, in one transaction: of two right
// codes at once one gets in (SP 800-63B-4 §3.1.3.2). Whatever is entered counts, an empty field alone does not.
//
// ErrWrongCode stands for every refusal, also of an expired, unknown or foreign challenge and of one that the policy no longer
// bears: answers must not tell them apart. ErrWait and ErrLocked: nothing was compared. Any other error is trouble of ours, and
// the try is refused unread, because one that is not counted would be free (invariant 8).
func (d *Door) TryCode(ctx context.Context, t Try) (*Pass, error) {
	code, entered := readCode(t.Code)
	if !entered {
		return nil, ErrWrongCode
	}
	d.gate.RLock()
	defer d.gate.RUnlock()
	c, _, err := d.live(ctx, t.Challenge, t.Address)
	if err == nil {
		var pass *Pass
		if pass, _, err = d.admit(ctx, attempt{way: ByCode, challenge: c, try: t, code: code}); err == nil {
			return pass, nil
		}
	}
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrNotTrusted) {
		err = ErrWrongCode
	}
	return nil, err
}

// Pending returns a challenge for the code page. ErrNotFound: unknown, expired, used up, or the policy no longer bears it. ErrOutside: the
// policy does not let its user in from there.
func (d *Door) Pending(ctx context.Context, id string, from netip.Addr) (Challenge, error) {
	d.gate.RLock()
	defer d.gate.RUnlock()
	c, _, err := d.live(ctx, id, from)
	for i, r := range c.Routes {
		// Its outcome was lost, with the process or the store: nobody knows any more.
		if r.State == RoutePending && d.now().Sub(r.At) > SendLimit+recordLimit {
			c.Routes[i].State = RouteUnsure
		}
	}
	return c, err
}

// live returns a pending challenge that the policy of now still asks for, with what the policy says of its user. One that it
// no longer bears ends here (invariant 10). Called with the gate held.
func (d *Door) live(ctx context.Context, id string, from netip.Addr) (Challenge, Judgement, error) {
	if id == "" {
		return Challenge{}, Judgement{}, ErrNotFound
	}
	c, err := d.store.Challenge(ctx, id, d.now())
	if err != nil {
		return Challenge{}, Judgement{}, err
	}
	j, asked := d.policy.Load().asks(c, from)
	if asked {
		return c, j, nil
	}
	if j.Refusal == RefusedNetwork {
		return Challenge{}, Judgement{}, ErrOutside // it waits: who carried the laptop out may carry it back
	}
	d.log.Info().Str("user", c.Name).Str("reason", j.Reason).Msg("pending challenge ended: the policy has changed")
	r, err := d.store.Cancel(ctx, c.ID)
	if err != nil {
		return Challenge{}, Judgement{}, err
	}
	d.leave(r.Challenges)
	return Challenge{}, Judgement{}, ErrNotFound
}

// maxLife is the longest a code may live (SP 800-63B-4 §3.1.3.2), whatever the configuration says.
const maxLife = 10 * time.Minute

func (s *setup) life() time.Duration { return min(s.Expires, maxLife) }

// maxAgent bounds what is kept of a User-Agent, in bytes.
const maxAgent = 512

func clipAgent(agent string) string { return agent[:min(len(agent), maxAgent)] }
