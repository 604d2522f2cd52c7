package gateway

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"doorcode/gateway/reading"
	"doorcode/gateway/submit"
	"doorcode/templates"
)

// visit is one request on the road, read once (invariant 6): rules and decisions look at its fields, never at the request's own
// path, query or form.
type visit struct {
	w       http.ResponseWriter
	r       *http.Request
	ids     requestIDs
	id      string         // see ref
	public  *url.URL       // the address that the browser meant
	path    reading.Path   // canonical; zero for an odd one
	odd     []reading.Path // every reading of an odd but ordinary address; nil for a canonical path
	query   reading.Params
	form    reading.Params // read only where a rule looks at it
	address netip.Addr
	who     who
	script  bool          // a login that a script sends
	said    *submit.Shown // what the application answered to it

	clients  []shown // rules of programs that the request may come in by
	client   *shown  // the one that it came in by; nil for browsers
	unproven string  // why a program's rule for this path does not hold, for the log
}

// formLimit bounds the bodies that are read whole because a rule looks at their values (invariant 5).
const formLimit = 1 << 20

// receive reads a request the one way that the upstream will read it, or refuses it.
func (g *Gateway) receive(w http.ResponseWriter, r *http.Request) (*visit, error) {
	v := &visit{w: w, r: r, ids: g.ids, public: g.config.PublicURLs[0]}
	v.leaveBody()
	v.address = reading.Client(r.RemoteAddr, r.Header["X-Forwarded-For"], g.config.TrustedProxies)
	public, ok := reading.Host(r.Host, g.config.PublicURLs)
	if !ok {
		return v, refuse(templates.Misdirected, fmt.Errorf("host %q is none of public_url", r.Host))
	}
	v.public = public
	if n := headerSize(r); n > g.config.Limits.Header {
		return v, refuse(templates.HeadersTooLarge, fmt.Errorf("%d bytes of header", n))
	}
	v.who = g.whoIs(r)
	if err := g.readTarget(v); err != nil {
		return v, refuse(templates.BadRequest, err)
	}
	if err := g.stays(v); err != nil {
		return v, err
	}
	g.countUse(v)
	g.clientsAt(v)
	return v, g.readForm(v)
}

// countUse keeps a member's session awake, unless the request is one that pages make by themselves: a page left open over night must not
// count as a person (session.idle_ignore). One that a rule cannot judge counts: nobody is put out for an odd request.
func (g *Gateway) countUse(v *visit) {
	if v.who.kind != insider {
		return
	}
	if ignored, err := v.judge(g.config.IdleIgnore, false); ignored && err == nil {
		return
	}
	v.who.member.use(g.now())
}

// readTarget reads method, path and query off the request line, as it came and not as net/url understood it.
func (g *Gateway) readTarget(v *visit) error {
	if err := reading.Method(v.r.Method); err != nil {
		return err
	}
	escaped, query, err := reading.Target(v.r.RequestURI)
	if err != nil {
		return err
	}
	if err := g.readPath(v, escaped); err != nil {
		return err
	}
	v.query, err = reading.ParseQuery(query)
	if errors.Is(err, reading.ErrUnreadable) && v.who.kind == insider {
		// Old scripts write %u0645. Rules see such a parameter in both of its readings and refuse; the rest may pass.
		return nil
	}
	return err
}

func (g *Gateway) readPath(v *visit, escaped string) (err error) {
	if v.path, err = reading.ParsePath(escaped); err == nil || v.who.kind != insider {
		return err
	}
	// A member's odd but ordinary address goes up as it came, after every reading of it was held against the rules (threat B19).
	v.odd, err = reading.Readings(escaped)
	return err
}

// ref is the request's id in pages and logs. Most requests need none, so it is made when first asked for.
func (v *visit) ref() string {
	if v.id == "" {
		v.id = v.ids.next()
	}
	return v.id
}

// paths are what rules are held against: the canonical path, or every reading of an odd one.
func (v *visit) paths() []reading.Path {
	if v.odd != nil {
		return v.odd
	}
	return []reading.Path{v.path}
}

// readForm reads the body whole where a rule on this path looks at form values, and puts the same bytes back for the upstream.
func (g *Gateway) readForm(v *visit) error {
	if v.r.Body == nil || v.r.Body == http.NoBody || !g.rulesLookAtForm(v) {
		return nil
	}
	done := v.hurry()
	limit := int64(formLimit)
	if v.who.kind != insider && len(v.clients) == 0 {
		limit = min(limit, g.config.Limits.LoginBody) // strangers send nothing here but logins: they get no megabyte each to fill
	}
	form, raw, err := reading.ReadForm(v.r.Header, v.r.Body, limit)
	done()
	switch {
	case errors.Is(err, reading.ErrTooLarge):
		return refuse(templates.TooLarge, err)
	case err != nil:
		return refuse(templates.BadRequest, err)
	}
	v.readWhole()
	v.form = form
	v.r.Body = io.NopCloser(bytes.NewReader(raw))
	v.r.ContentLength = int64(len(raw))
	v.r.TransferEncoding = nil
	return nil
}

// bodyTime is how long a body may take that is read before anything is decided: a form of a few KiB, on a bad line.
const bodyTime = 30 * time.Second

// hurry bounds the reading of such a body, so that slow ones do not pile up; the returned function lifts the bound.
func (v *visit) hurry() (done func()) {
	control := http.NewResponseController(v.w)
	if control.SetReadDeadline(time.Now().Add(bodyTime)) != nil {
		return func() {} // no connection under it: a test
	}
	return func() { control.SetReadDeadline(time.Time{}) }
}

// leaveBody says that the connection ends with the answer unless the body is read. net/http would otherwise wait for the rest of
// a body before it answers a refusal, for as long as a stranger likes.
func (v *visit) leaveBody() {
	if v.r.Body != nil && v.r.Body != http.NoBody && v.r.ProtoMajor == 1 {
		v.w.Header().Set("Connection", "close")
	}
}

// readWhole takes leaveBody back: the body is read, or goes up as it comes.
func (v *visit) readWhole() { v.w.Header().Del("Connection") }

// headerSize counts what RFC 9112 §5 sends for the header, names and separators included.
func headerSize(r *http.Request) (n int) {
	for name, values := range r.Header {
		for _, value := range values {
			n += len(name) + len(value) + len(": \r\n")
		}
	}
	return n
}

// isPage reports whether the answer will be shown as a page: where browsers say so, by Sec-Fetch-Mode; else by Accept.
func (v *visit) isPage() bool {
	if v.client != nil || v.script {
		return false
	}
	if mode := v.r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(v.r.Header.Get("Accept"), "text/html")
}

// reads reports whether the method only reads.
func (v *visit) reads() bool {
	return v.r.Method == http.MethodGet || v.r.Method == http.MethodHead
}

// target is the path and query as the browser sent them.
func (v *visit) target() string {
	if v.r.URL.RawQuery == "" {
		return v.r.URL.EscapedPath()
	}
	return v.r.URL.EscapedPath() + "?" + v.r.URL.RawQuery
}

// requestIDs names requests: random at start, so that ids of two runs differ, and counted from there, which costs nothing.
type requestIDs struct {
	prefix string
	n      *atomic.Uint64
}

func newRequestIDs() requestIDs { return requestIDs{prefix: rand.Text()[:6], n: new(atomic.Uint64)} }

func (ids requestIDs) next() string {
	return ids.prefix + "-" + strconv.FormatUint(ids.n.Add(1), 36)
}
