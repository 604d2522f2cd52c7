package gateway

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/secret"
	"doorcode/gateway/reading"
	"doorcode/templates"
)

// Client is one of the `clients:` rules: it opens a path to programs that are no browsers and prove who they are (invariant 5). Of
// Networks, Keys and Certificate those that are there must hold, all of them; config sees to it that there is one.
type Client struct {
	Name          string
	Rule          reading.Rule
	Networks      []netip.Prefix
	Keys          []ClientKey // any one of them
	Certificate   *ClientCertificate
	Rate          challenge.Rate // of one key, certificate or address
	Parallel      int            // calls under way, of the same
	Body          int64          // bytes
	Timeout       time.Duration  // of a whole call
	Authorization bool           // the client's own goes up, unless it signs in the connection
}

// ClientKey is a secret that a client sends in a header of its own.
type ClientKey struct {
	Header string // in canonical form
	Value  secret.Text
	Pass   bool // the application wants to see it too
}

// ClientCertificate says which TLS certificates a client may show.
type ClientCertificate struct {
	Authorities []*x509.Certificate // that one of them signed; one that is itself among them is taken too
	Names       []*regexp.Regexp    // the common name; none: any
}

// client is a Client at work.
type client struct {
	Client
	keys      []hashedKey
	roots     *x509.CertPool
	transport *http.Transport
	meters    *meters
}

func (g *Gateway) newClient(c Client) *client {
	n := &client{
		Client: c, keys: hashed(c.Keys), meters: newMeters(c.Rate, c.Parallel),
		// Connections of its own: whatever an application may tie to a connection, browsers' requests come on others (threat B16). How long
		// it may take to answer is the call's own deadline, for reports take minutes.
		transport: newTransport(g.config.Upstream, 0),
	}
	if c.Certificate != nil {
		n.roots = x509.NewCertPool()
		for _, authority := range c.Certificate.Authorities {
			n.roots.AddCert(authority)
		}
	}
	return n
}

// shown is a client that has proved itself, by a rule for this path and method. What the rule says of values is still to be asked.
type shown struct {
	*client
	proof proof
}

// clientsAt finds the rules that a request may come in by. It is asked before the body is read: only who proved himself gets a rule of
// values read from it. Where nothing holds, the request goes down the road like any other, so a member's browser at a client's path is
// a member's browser; why is kept for the log in case that it is refused there.
func (g *Gateway) clientsAt(v *visit) {
	if v.odd != nil {
		return // what opens something matches one spelling
	}
	for _, c := range g.clients {
		if !c.Rule.Path.Match(v.path) || !c.takes(v) {
			continue
		}
		proof, err := g.prove(c, v)
		if err != nil {
			v.unproven = c.Name + ": " + err.Error()
			continue
		}
		v.clients = append(v.clients, shown{c, proof})
	}
}

// takes: a rule that names no method opens reading alone, as with public.
func (c *client) takes(v *visit) bool {
	values := c.Rule
	values.Query, values.Form = nil, nil
	ok, err := v.opens(values)
	return ok && err == nil
}

// readsBody reports whether a rule by which the request may come in looks at values: then the body is read, also where only the
// query is looked at, since PHP's $_REQUEST takes a parameter from either (threat B18).
func (c *client) readsBody() bool { return len(c.Rule.Query)+len(c.Rule.Form) > 0 }

// asClient returns the rule that the request comes in by; nil for none.
func (g *Gateway) asClient(v *visit) (*shown, error) {
	for i := range v.clients {
		if ok, err := v.opens(v.clients[i].Rule); err != nil || ok {
			return &v.clients[i], err
		}
	}
	return nil, nil
}

// serveClient proxies a client's call: limited, audited, and nobody's. No cookie goes up, neither sealed nor raw, and none comes back, so a
// call is no way to a browser's session. A client that needs a session sends its token in a header or in the body. It is not
// searched for credentials: a till signs in with a name and a password.
func (g *Gateway) serveClient(v *visit, c *shown) error {
	v.who, v.client = who{}, c
	counted := &countedWriter{ResponseWriter: v.w}
	v.w = counted
	begun := g.now()
	whole := false
	defer func() { g.auditClient(v, counted, g.now().Sub(begun), whole) }() // also when the answer is cut off, by a panic of ReverseProxy's
	err := g.call(v, c)
	if err != nil {
		g.answer(v, err)
	}
	whole = err == nil
	return nil
}

func (g *Gateway) call(v *visit, c *shown) error {
	for _, scheme := range schemes(v.r.Header["Authorization"]) {
		if connectionScheme(scheme) {
			return refuse(templates.Forbidden, errors.New("a sign-in of the connection in Authorization"))
		}
	}
	release, wait := c.meters.take(c.proof.who, g.now())
	if wait > 0 {
		return &refusal{templates.TooMany, wait, errors.New("over the client's rate, or too many calls at once")}
	}
	defer release()
	ctx, cancel := context.WithTimeout(v.r.Context(), c.Timeout)
	defer cancel()
	return g.pass(ctx, &passage{visit: v})
}

// keyHeaders are the headers that clients send their keys in.
func keyHeaders(clients []Client) (names []string) {
	for _, c := range clients {
		for _, key := range c.Keys {
			if !slices.Contains(names, key.Header) {
				names = append(names, key.Header)
			}
		}
	}
	return names
}

// dropKeys takes keys out of what goes up. They are for us alone, but for one that a client has come in by and its application wants to see:
// a key that somebody found would otherwise do without the network or certificate that its rule wants beside it, in a member's request to
// a path that is no door or a visitor's to a public one (threat B13).
func (g *Gateway) dropKeys(p *passage, h http.Header) {
	for _, name := range g.keyHeaders {
		if p.client == nil || name != p.client.proof.pass {
			delete(h, name)
		}
	}
}

// clientAnswer takes cookies out of what a client is answered, and keeps it out of caches that know nothing of the proof.
func clientAnswer(res *http.Response) error {
	if res.StatusCode == http.StatusSwitchingProtocols {
		return errors.New("upgrade for a client")
	}
	delete(res.Header, "Set-Cookie")
	makePrivate(res.Header)
	return nil
}

// countedWriter counts what a client is answered, for the audit line.
type countedWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// Unwrap lets http.ResponseController reach Flush and the deadlines.
func (w *countedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *countedWriter) WriteHeader(status int) {
	if w.status < http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *countedWriter) Write(p []byte) (int, error) {
	if w.status < http.StatusOK {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}
