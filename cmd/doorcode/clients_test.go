package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shopAuthority signs the certificates of tills.
type shopAuthority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

// newShopAuthority writes name.pem into dir.
func newShopAuthority(t *testing.T, dir, name string) *shopAuthority {
	t.Helper()
	a := &shopAuthority{t: t, key: newKey(t)}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, about, about, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(raw); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, name+".pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})))
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *shopAuthority) issue(name string) *tls.Certificate {
	a.t.Helper()
	key := newKey(a.t)
	about := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, about, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// till is a program with a certificate, which notes whether it was asked for one.
type till struct {
	t     *testing.T
	url   string
	cert  *tls.Certificate
	h2    bool
	asked *tls.CertificateRequestInfo // at the last call
	known tls.ClientSessionCache      // its TLS sessions; nil: none are kept
}

// signIn asks for a token as a point of sale does, on a connection of its own.
func (p *till) signIn() (status int, body string) {
	p.t.Helper()
	p.asked = nil
	transport := &http.Transport{Protocols: new(http.Protocols), TLSClientConfig: &tls.Config{
		InsecureSkipVerify: true, ServerName: "till", ClientSessionCache: p.known,
		GetClientCertificate: func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			p.asked = asked
			if p.cert == nil || asked.SupportsCertificate(p.cert) != nil {
				return &tls.Certificate{}, nil // as a browser that has none of these authorities'
			}
			return p.cert, nil
		},
	}}
	transport.Protocols.SetHTTP1(!p.h2)
	transport.Protocols.SetHTTP2(p.h2)
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport, Timeout: 20 * time.Second}).Post(p.url+"/api/login", "application/json", strings.NewReader(`{"username":"alice","password":"alice-pass-1"}`))
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// A till signs in by its certificate, through the listener that browsers come in by. Who has no certificate of its authority is not asked for
// one, and after the rule has gone nobody is.
func TestServeClientsCertificates(t *testing.T) {
	t.Parallel()
	var shop, foreign *shopAuthority
	without, with := "", ""
	i := install(t, func(dir, gateway string) string {
		writeCertificate(t, dir)
		shop, foreign = newShopAuthority(t, dir, "shop"), newShopAuthority(t, dir, "foreign")
		gateway = strings.Replace(gateway, "insecure: true", "cert: door.pem, key: door.key", 1)
		without = strings.Replace(gateway, "public_url: http:", "public_url: https:", 1) + "doors: [/api/*]\n"
		with = without + "clients: [{name: till, path: /api/login, methods: [POST], certificate: {ca_file: shop.pem, names: [till-*]}}]\n"
		return with
	})
	url := "https://" + i.address
	for _, h2 := range []bool{false, true} {
		for _, row := range []struct {
			what string
			cert *tls.Certificate
			want int
		}{
			{"a till", shop.issue("till-1"), http.StatusOK},
			{"another of the shop's", shop.issue("kiosk-1"), http.StatusForbidden},
			{"another authority's", foreign.issue("till-1"), http.StatusForbidden},
			{"none", nil, http.StatusForbidden},
		} {
			p := &till{t: t, url: url, cert: row.cert, h2: h2}
			status, body := p.signIn()
			if status != row.want || (status == http.StatusOK) != strings.Contains(body, `"token"`) {
				t.Errorf("HTTP/2 %v: %s: %d %s, want %d", h2, row.what, status, body, row.want)
			}
			if p.asked == nil || len(p.asked.AcceptableCAs) != 1 || string(p.asked.AcceptableCAs[0]) != string(shop.cert.RawSubject) {
				t.Errorf("HTTP/2 %v: %s was not asked for a certificate of the shop's alone: %+v", h2, row.what, p.asked)
			}
		}
	}
	i.saying("changed files taken up", func() { i.write("gateway.yaml", without) })
	p := &till{t: t, url: url, cert: shop.issue("till-1")}
	if status, body := p.signIn(); status != http.StatusForbidden || p.asked != nil {
		t.Errorf("without the rule: %d %s, asked for a certificate %v", status, body, p.asked != nil)
	}
	// A till that knew the gateway before the rule was there would resume its TLS session, and so never be asked.
	known := &till{t: t, url: url, cert: shop.issue("till-2"), known: tls.NewLRUClientSessionCache(1)}
	known.signIn()
	i.saying("changed files taken up", func() { i.write("gateway.yaml", with) })
	if status, body := known.signIn(); status != http.StatusOK || known.asked == nil {
		t.Errorf("a till of before the rule: %d %s, asked for a certificate %v", status, body, known.asked != nil)
	}
	if log, _ := i.log.read(); !strings.Contains(log, "certificate till-1") {
		t.Error("the audit log does not name the certificate")
	}
}

// What docs/clients.md shows works as it stands there: its commands make key and certificate, its rules take them, its calls come in.
func TestClientsPage(t *testing.T) {
	require(t, "openssl", "apt-get install openssl")
	require(t, "curl", "apt-get install curl")
	t.Parallel()
	makes, calls, rules := ofClientsPage(t)
	dir := ""
	i := install(t, func(in, gateway string) string {
		dir = in
		writeCertificate(t, dir)
		shell(t, dir, strings.Join(makes, ""))
		gateway = strings.Replace(gateway, "insecure: true", "cert: door.pem, key: door.key", 1)
		return strings.Replace(gateway, "public_url: http:", "public_url: https:", 1) + "doors: [/api/*, /pos.php]\n" + rules[0]
	})
	for n, call := range calls {
		if n > 0 {
			text := i.read("gateway.yaml")
			text = strings.Replace(text, rules[n-1], rules[n], 1)
			i.saying("changed files taken up", func() { i.write("gateway.yaml", text) })
		}
		shell(t, dir, strings.NewReplacer("curl ", "curl --silent --show-error --insecure ", "https://books.example.com", "https://"+i.address).Replace(call))
		i.log.wait(t, []string{`"proof":"key 1"`, `"proof":"network 127.0.0.1/32, certificate till-1"`}[n]) // the line of the call
	}
	for _, path := range []string{"/api/orders/7", "/pos.php"} {
		if !i.has(path) {
			t.Errorf("nothing came to %s", path)
		}
	}
}

// ofClientsPage parts the page: the commands that make files, those that call, and the rules that the calls want.
func ofClientsPage(t *testing.T) (makes, calls, rules []string) {
	t.Helper()
	for _, d := range documents(t) {
		if d.name != "docs/clients.md" {
			continue
		}
		for _, s := range d.blocks("sh") {
			if strings.HasPrefix(s.text, "curl ") {
				calls = append(calls, s.text)
			} else {
				makes = append(makes, s.text)
			}
		}
		for _, s := range d.blocks("yaml") {
			if _, rule, ok := strings.Cut(s.text, "\nclients:\n"); ok && (strings.Contains(rule, "timeout: 10m") || strings.Contains(rule, "certificate:")) {
				rules = append(rules, "clients:\n"+rule)
			}
		}
	}
	if len(makes) != 2 || len(calls) != 2 || len(rules) != 2 {
		t.Fatalf("docs/clients.md has %d blocks that make files, %d calls, %d rules for them", len(makes), len(calls), len(rules))
	}
	return makes, calls, rules
}

// shell runs commands as they are typed, and fails the test with what they say.
func shell(t *testing.T, dir, commands string) {
	t.Helper()
	cmd := exec.Command("sh", "-e", "-c", commands)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s\n%v\n%s", commands, err, out)
	}
}
