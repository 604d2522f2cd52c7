package gateway

import (
	"context"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"doorcode/challenge"
	"doorcode/challenge/keys"
	"doorcode/gateway/links"
	"doorcode/gateway/reading"
	"doorcode/gateway/scan"
	"doorcode/gateway/seal"
	"doorcode/gateway/submit"
	"doorcode/templates"
)

// Config is what the gateway needs to know, parsed and checked by package config.
type Config struct {
	Name           string     // what pages call the application
	PublicURLs     []*url.URL // scheme and host only; the first stands in redirects and messages
	Insecure       bool       // plain HTTP on a LAN: cookie names without __Host-, no Secure
	TrustedProxies []netip.Prefix
	Upstream       Upstream
	Rewrite        Rewrite
	Origins        []Origin
	Login          submit.Config
	Scripts        *ScriptAnswer  // what a login sent by a script is answered with; nil: such logins are refused
	LoginRule      reading.Rule   // which request is the login; method POST
	Carry          bool           // login.isolation: carry
	First          *FirstPage     // with Carry: a login of two pages; nil: of one
	LoginPage      reading.Rule   // path and query of login.page; GET and HEAD
	Logout         []reading.Rule // requests that may end the application's session
	SignOut        submit.WayOut  // how a held session that nobody came for is ended; the zero value where no logout is for one address
	Public         []reading.Rule // open to visitors
	Doors          []reading.Rule // the application's other logins, closed to everybody
	Elsewhere      []reading.Rule // the application's own forms that look like a login
	Clients        []Client       // programs that are no browsers, and the path that each may call
	Credentials    []scan.Pair    // the login's own fields and those of login.also
	SessionNames   []string       // further names of a session id in a URL (url_sessions)
	Authorization  bool           // pass members' Authorization on to the upstream, where it carries no user name and password
	Plain, Keep    []*regexp.Regexp
	Limits         Limits
	Session        challenge.SessionLife
	IdleIgnore     []reading.Rule // requests that do not keep a session awake; by path, method and query
}

// Upstream says where the application is and how to talk to it.
type Upstream struct {
	URL           *url.URL // scheme and host only
	Host          string   // sent as Host; "" is the public host the browser used
	Connections   int      // kept alive
	DialTimeout   time.Duration
	AnswerTimeout time.Duration  // until the answer's header
	Slow          []reading.Rule // requests that may take SlowTimeout instead: reports, exports; by path, method and query
	SlowTimeout   time.Duration
}

// Limits bound what one request may bring.
type Limits struct {
	Header    int   // bytes of all header fields together; over it 431
	LoginBody int64 // bytes; over it 413
	Body      int64 // bytes; 0 is no bound

	Stall    time.Duration // how long the next bytes of a body may take; 0 is a minute
	Patience time.Duration // with Carry: how long a login waits for what its visitor has under way; 0 is 10 s
}

// Parts are what a Gateway works with and does not own: they outlive a reload of the configuration.
type Parts struct {
	Door  *challenge.Door
	Live  *Live
	Keys  *keys.Ring
	Texts *templates.Set
	Log   zerolog.Logger
	Now   func() time.Time // nil is time.Now
}

// Gateway is an http.Handler that stands in front of one upstream. It is made for one configuration; after a reload another
// one takes over with the same Parts, while requests under way end on this one.
type Gateway struct {
	config     Config
	door       *challenge.Door
	live       *Live
	texts      *templates.Set
	log        zerolog.Logger
	now        func() time.Time
	box        *seal.Box
	names      atomic.Pointer[searched] // credentials and session ids
	sessionIDs *scan.Names
	ofLogin    *scan.Names // what visitors may say at the login alone (carry.go)
	submitter  *submit.Submitter
	transport  *http.Transport
	patient    *http.Transport // for what upstream.slow names
	proxy      *httputil.ReverseProxy
	clients    []*client
	keyHeaders []string
	csrf       *http.CrossOriginProtection
	cookie     ownNames
	ids        requestIDs
	opener     openerCheck
	hints      hints
	sessions   sessionNames
	saidToken  atomic.Bool
	links      map[*url.URL]*links.Rewriter // by public address; nil: pages are not touched
}

// New makes a Gateway. The configuration was checked by package config; New trusts it.
func New(c Config, p Parts) *Gateway {
	if p.Now == nil {
		p.Now = time.Now
	}
	g := &Gateway{
		config: c, door: p.Door, live: p.Live, texts: p.Texts, log: p.Log, now: p.Now,
		box:        seal.NewBox(p.Keys, seal.Options{Plain: c.Plain, Keep: c.Keep, Secure: !c.Insecure}),
		sessionIDs: scan.New(sessionPairs(c.SessionNames)),
		ofLogin:    fieldsOfLogin(c),
		transport:  newTransport(c.Upstream, c.Upstream.AnswerTimeout),
		patient:    newTransport(c.Upstream, c.Upstream.SlowTimeout),
		csrf:       http.NewCrossOriginProtection(),
		cookie:     newOwnNames(c.Insecure),
		ids:        newRequestIDs(),
		keyHeaders: keyHeaders(c.Clients),
		links:      newLinks(c),
	}
	for _, u := range c.PublicURLs {
		// Behind a proxy that ends TLS the Host that we see may lack what the browser's Origin names: our own addresses are trusted by name.
		if err := g.csrf.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			g.log.Error().Err(err).Str("public_url", u.String()).Msg("public address cannot be an origin")
		}
	}
	g.sessions.add(c.SessionNames...)
	login := c.Login
	login.Scripts = c.Scripts != nil
	for _, value := range c.LoginRule.Form {
		login.Named = append(login.Named[:len(login.Named):len(login.Named)], value.Name)
	}
	for _, u := range c.Rewrite.Addresses {
		login.Hosts = append(login.Hosts, u.Host)
	}
	login.Patience = time.Minute + 3*c.Upstream.AnswerTimeout // form aside, a login, its confirm and an answer to show
	g.submitter = submit.New(login, g.transport, c.Upstream.URL)
	g.proxy = g.newProxy()
	for _, one := range c.Clients {
		g.clients = append(g.clients, g.newClient(one))
	}
	return g
}

// How often Keep does what.
const (
	flushEvery = time.Minute
	endEvery   = 2 * time.Second // what is open in a session past its limits ends within 5 s (threat D3)
)

// Keep keeps house until ctx ends, with whichever gateway is in force: once a minute last uses are flushed, expired entries are
// swept, and held sessions that nobody came for are signed out; every two seconds sessions past their limits are ended.
func Keep(ctx context.Context, current func() *Gateway) {
	flush, end := time.NewTicker(flushEvery), time.NewTicker(endEvery)
	defer flush.Stop()
	defer end.Stop()
	for {
		select {
		case <-ctx.Done():
			current().flush(context.WithoutCancel(ctx))
			return
		case <-end.C:
			g := current()
			g.live.endOver(g.config.Session, g.now())
			g.endOutside(ctx)
		case <-flush.C:
			current().flush(ctx) // before the sweep, which judges by what the store knows of last uses
			current().sweep(ctx)
		}
	}
}

// Close ends the idle connections to the upstream. Requests under way go on.
func (g *Gateway) Close() {
	g.transport.CloseIdleConnections()
	g.patient.CloseIdleConnections()
	for _, c := range g.clients {
		c.transport.CloseIdleConnections()
	}
}

// End ends what a revocation or a policy change took away: member sessions at once, held sessions at the upstream.
func (g *Gateway) End(ctx context.Context, r challenge.Revoked) {
	g.live.End(r.Sessions...)
	for _, c := range r.Challenges {
		g.signOutHeld(ctx, c.Held, c.ID)
	}
}

func (g *Gateway) flush(ctx context.Context) {
	if err := g.door.Touch(ctx, g.live.Used()); err != nil {
		g.log.Error().Err(err).Msg("last uses were not written")
	}
	if err := g.door.WriteFindings(ctx); err != nil {
		g.log.Error().Err(err).Msg("findings were not written")
	}
}

func (g *Gateway) sweep(ctx context.Context) {
	revoked, err := g.door.Sweep(ctx)
	if err != nil {
		g.log.Error().Err(err).Msg("expired entries were not swept")
	}
	g.live.End(revoked.Sessions...)
	go g.End(ctx, revoked) // asks the upstream, which may hang: neither the next flush nor a stop waits for it
}
