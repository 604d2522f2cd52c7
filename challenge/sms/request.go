package sms

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpguts"
)

// maxAnswer is how much of an answer is read; the longest that providers send is a few KiB.
const maxAnswer = 64 << 10

const (
	retryPause = 200 * time.Millisecond // before the one second attempt at opening a connection
	openLimit  = 3 * time.Second        // to open it, and as long again for TLS: who hangs leaves time for the next provider
)

// newTransport makes the transport of one provider.
//
// Every send opens its own connection. net/http repeats a request by itself when a kept connection turns out to be dead,
// and HTTP/2 when the server sends GOAWAY; on a connection that is new and HTTP/1.1 it never does, so the decision
// stays with exchange alone. That costs a TLS handshake a code, which nobody notices beside the network of the phones.
func newTransport(c Config) *http.Transport {
	t := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: openLimit}).DialContext,
		TLSHandshakeTimeout:    openLimit,
		TLSClientConfig:        &tls.Config{RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true,
		DisableCompression:     true, // the answer is judged as it came; none is long enough to compress
		MaxResponseHeaderBytes: maxAnswer,
		Protocols:              new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	if c.Proxy != nil {
		t.Proxy = http.ProxyURL(c.Proxy)
	}
	return t
}

// request builds the request of one message. It has no GetBody, so that nobody below can send its body twice.
func (s *Sender) request(ctx context.Context, v values) (*http.Request, error) {
	body, contentType, err := s.body(v)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, s.c.method(), s.c.URL.render(v, percent), bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the address with this message's values in it cannot be read") // err quotes it
	}
	r.GetBody = nil
	if query := encoded(s.c.Query, v); query != "" {
		if r.URL.RawQuery != "" {
			query = r.URL.RawQuery + "&" + query
		}
		r.URL.RawQuery = query
	}
	r.Header.Set("User-Agent", "doorcode") // some providers' firewalls refuse Go's own
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	s.authorize(r)
	return r, setHeaders(r.Header, s.c.Headers, v)
}

func (s *Sender) body(v values) (body []byte, contentType string, err error) {
	switch {
	case !s.c.JSON.IsZero():
		body, err = s.c.JSON.render(v)
		return body, "application/json", err
	case len(s.c.Form) > 0:
		return []byte(encoded(s.c.Form, v)), "application/x-www-form-urlencoded", nil
	}
	return nil, "", nil
}

func (s *Sender) authorize(r *http.Request) {
	if !s.c.BasicUser.Empty() {
		r.SetBasicAuth(s.c.BasicUser.Reveal(), s.c.BasicPassword.Reveal())
	}
	if !s.c.Bearer.Empty() {
		r.Header.Set("Authorization", "Bearer "+s.c.Bearer.Reveal())
	}
}

// setHeaders puts the configured headers in, the first of a name in place of the gateway's own. A value with a line break
// would begin a header of its own (C4): it is refused, not cut, since what is left would be another message.
func setHeaders(h http.Header, params []Param, v values) error {
	set := map[string]bool{}
	for _, p := range params {
		value := p.render(v)
		if !httpguts.ValidHeaderFieldValue(value) {
			return fmt.Errorf("header %s: the value has a line break or another control character", p.Name)
		}
		name := http.CanonicalHeaderKey(p.Name)
		if !set[name] {
			h.Del(name)
		}
		set[name] = true
		h.Add(name, value)
	}
	return nil
}

// encoded writes params as a query or form, in order.
func encoded(params []Param, v values) string {
	pairs := make([]string, len(params))
	for i, p := range params {
		pairs[i] = percent(p.Name) + "=" + percent(p.render(v))
	}
	return strings.Join(pairs, "&")
}

// answer is what came back. Where there is an error beside it, left says whether bytes of the message may have gone out.
type answer struct {
	status int
	body   []byte
	left   bool
}

// exchange sends the request, a second time only when the first found no connection.
func (s *Sender) exchange(ctx context.Context, v values) (answer, error) {
	a, err := s.once(ctx, v)
	if err == nil || a.left || !isDial(err) || ctx.Err() != nil {
		return a, err
	}
	pause := time.NewTimer(retryPause)
	defer pause.Stop()
	select {
	case <-pause.C:
		return s.once(ctx, v)
	case <-ctx.Done():
		return a, err
	}
}

// once sends the request once. RoundTrip and not http.Client: redirects and cookies are nobody's business here, and its
// errors do not quote the address.
func (s *Sender) once(ctx context.Context, v values) (answer, error) {
	// From the moment the request is given a connection its bytes may be on the way.
	var left atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { left.Store(true) }})
	r, err := s.request(ctx, v)
	if err != nil {
		return answer{}, err
	}
	res, err := s.transport.RoundTrip(r)
	if err != nil {
		return answer{left: left.Load()}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return answer{res.StatusCode, body, true}, err
}

// isDial reports whether err is a connection that could not be opened, name resolution included. A refused certificate is
// none: it would be refused again; and one that took all its time is not worth as much again.
func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" && !op.Timeout()
}
