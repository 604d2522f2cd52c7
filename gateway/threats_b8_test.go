package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"doorcode/gateway"
	"doorcode/gateway/reading"
)

// No connection is handed over before the code: not on what is public, not by another protocol's name, not by CONNECT. A member's is a
// WebSocket or nothing, and what follows a body is not told to the application as a field.
func TestThreat_B8_Upgrades(t *testing.T) {
	type seen struct {
		upgrade, connection, trailer string
	}
	var mu sync.Mutex
	var all []seen
	h := newHouseBeside(t, plan{config: func(c *gateway.Config) {
		c.Public = append(c.Public, reading.Rule{Path: rule(t, "", "/odd/*").Path, Methods: []string{"GET", "POST"}})
	}}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, seen{r.Header.Get("Upgrade"), r.Header.Get("Connection"), r.Trailer.Get("Username")})
		if r.Header.Get("Upgrade") != "" { // as trusting as a socket server: whatever is asked for is switched to
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", r.Header.Get("Upgrade"))
			w.WriteHeader(http.StatusSwitchingProtocols)
		}
	})
	visitor, member := h.browser(), h.browser()
	visitor.get("/login.php")
	member.enterWith("alice")
	cookies := map[string]string{"visitor": "doorcode=" + visitor.cookie("doorcode"), "member": "doorcode=" + member.cookie("doorcode")}
	const socket = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
	for _, c := range []struct {
		who, request string
		status       int // 0: anything but 101
	}{
		{"visitor", "GET /odd/ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + socket, 0},
		{"visitor", "GET /odd/ws HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n", 0},
		{"visitor", "GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + socket, 0},
		{"visitor", "POST /login.php HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + socket + "Content-Length: 0\r\n", 0},
		{"visitor", "CONNECT 127.0.0.1:22 HTTP/1.1\r\n", 0},
		{"member", "CONNECT 127.0.0.1:22 HTTP/1.1\r\n", 0},
		{"member", "GET /odd/ws HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n", 0},
		{"member", "GET /odd/ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: TLS/1.0\r\n", 0},
		{"member", "GET /odd/ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + socket, http.StatusSwitchingProtocols},
	} {
		head := strings.Replace(c.request, "\r\n", "\r\nHost: "+strings.TrimPrefix(h.url, "http://")+"\r\nCookie: "+cookies[c.who]+"\r\n", 1)
		status, _ := rawRequest(t, h, head+"\r\n")
		if c.status == 0 && status == http.StatusSwitchingProtocols || c.status != 0 && status != c.status {
			t.Errorf("%s: %q: status %d", c.who, c.request, status)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	sockets := 0
	for _, s := range all {
		if s.upgrade != "" {
			sockets++
		}
		if s.upgrade != "" && s.upgrade != "websocket" || s.trailer != "" {
			t.Errorf("the application was asked for %+v", s)
		}
	}
	if sockets != 1 {
		t.Errorf("%d upgrades went up, want the member's WebSocket alone: %+v", sockets, all)
	}
}
