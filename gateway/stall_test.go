package gateway

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"doorcode/templates"
)

// A body that stops coming is ended; one that comes slowly but steadily is not, and the connection serves the next request.
func TestSteadyBody(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for limits that a busy machine keeps too: not under -short")
	}
	const limit = time.Second
	read := make(chan error, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := newSteadyBody(w, r, limit)
		defer b.end()
		_, err := io.Copy(io.Discard, b)
		read <- err
		if r.URL.Path == "/long" {
			select { // a deadline that was left behind would end the request's context
			case <-r.Context().Done():
				w.WriteHeader(http.StatusTeapot)
			case <-time.After(2 * limit):
			}
		}
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer server.Close()
	for _, h2 := range []bool{false, true} {
		transport := &http.Transport{Protocols: new(http.Protocols)}
		transport.Protocols.SetHTTP1(!h2)
		transport.Protocols.SetUnencryptedHTTP2(h2)
		client := &http.Client{Transport: transport}

		steady, w := io.Pipe()
		go func() {
			tick := time.NewTicker(limit / 6)
			defer tick.Stop()
			for range 12 {
				<-tick.C
				io.WriteString(w, "x")
			}
			w.Close()
		}()
		for _, body := range []io.Reader{steady, strings.NewReader("whole")} {
			res, err := client.Post(server.URL+"/long", "text/plain", body)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if err := <-read; err != nil || res.StatusCode != http.StatusOK {
				t.Errorf("HTTP/2 %v: a steady body: %v, %d", h2, err, res.StatusCode)
			}
		}

		stalled, w := io.Pipe()
		go io.WriteString(w, "half")
		go func() {
			if res, err := client.Post(server.URL, "text/plain", stalled); err == nil {
				res.Body.Close()
			}
		}()
		start := time.Now()
		err := <-read
		var known *refusal
		if !errors.As(err, &known) || known.kind != templates.BadRequest || time.Since(start) > 10*limit {
			t.Errorf("HTTP/2 %v: a stalled body: %v after %v", h2, err, time.Since(start))
		}
		w.Close()
		transport.CloseIdleConnections()
	}
}
