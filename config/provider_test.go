package config

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"doorcode/challenge/sms"
)

// provider is a peer that stands for every provider there is: the presets' own addresses are asked, by way of a proxy that leads all
// of them here, over TLS with a certificate for the host that is meant.
type provider struct {
	dir, proxy string

	mu     sync.Mutex
	status int
	body   string
	hang   bool
	got    []sent
}

// sent is one request as the provider got it.
type sent struct {
	method, url, user, password string
	form                        url.Values
	contentType                 string
}

func newProvider(t *testing.T, hosts ...string) *provider {
	t.Helper()
	p := &provider{dir: t.TempDir()}
	done := make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		user, password, _ := r.BasicAuth()
		p.mu.Lock()
		p.got = append(p.got, sent{r.Method, "https://" + r.Host + r.RequestURI, user, password, form, r.Header.Get("Content-Type")})
		status, answer, hang := p.status, p.body, p.hang
		p.mu.Unlock()
		if hang {
			<-done
			return
		}
		w.WriteHeader(status)
		io.WriteString(w, answer)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{providerCertificate(t, p.dir, hosts)}}
	server.StartTLS()
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(done) })
	p.proxy = tunnel(t, server.Listener.Addr().String())
	return p
}

// providerCertificate makes a certificate for hosts and writes it into dir, as ca.pem.
func providerCertificate(t *testing.T, dir string, hosts []string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: hosts, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	cert, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{cert}, PrivateKey: key}
}

// tunnel is a proxy that connects everybody to one address.
func tunnel(t *testing.T, to string) string {
	t.Helper()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		there, err := net.Dial("tcp", to)
		if err != nil || r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		here, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			there.Close()
			return
		}
		io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		go copyAndClose(there, buffered.Reader)
		go copyAndClose(here, bufio.NewReader(there))
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL
}

func copyAndClose(to net.Conn, from io.Reader) {
	io.Copy(to, from)
	to.Close()
}

// sender loads an entry as it stands in a gateway.yaml.
func (p *provider) sender(t *testing.T, entry string) *sms.Sender {
	t.Helper()
	text := good + "sms:\n  - " + strings.ReplaceAll(strings.TrimSpace(entry), "\n", "\n    ") + "\n    proxy: " + p.proxy + "\n    ca_file: ca.pem\n"
	path := filepath.Join(p.dir, "gateway.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, found := Load(path, fileOnly)
	if len(found) > 0 {
		t.Fatalf("%s\n%v", text, found)
	}
	made, err := sms.New(s.SMS[0])
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (p *provider) answers(status int, body string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status, p.body, p.got = status, body, nil
}

func (p *provider) only(t *testing.T) sent {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.got) != 1 {
		t.Fatalf("the provider got %d requests, want 1", len(p.got))
	}
	return p.got[0]
}
