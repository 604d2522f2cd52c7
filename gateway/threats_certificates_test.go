package gateway_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net/http"
	"regexp"
	"testing"
	"time"

	"doorcode/gateway"
)

// A certificate opens its rule when the rule's authority signed it for a client of that name, and it has not run out.
func TestThreat_B5_ClientsCertificate(t *testing.T) {
	shop, foreign := newAuthority(t), newAuthority(t)
	h, app := newShopHouse(t, func(c *gateway.Client) {
		c.Keys = nil
		c.Certificate = &gateway.ClientCertificate{Authorities: []*x509.Certificate{shop.cert}, Names: []*regexp.Regexp{regexp.MustCompile(`\Atill-`)}}
	})
	front := h.tlsFront()
	cert := func(a *authority, name string, change func(*x509.Certificate)) *tls.Certificate {
		c := a.issue(name, change)
		return &c
	}
	rows := []struct {
		what string
		cert *tls.Certificate
		open bool
	}{
		{"good", cert(shop, "till-1", nil), true},
		{"none", nil, false},
		{"another name", cert(shop, "kiosk-1", nil), false},
		{"its name further in", cert(shop, "x till-1", nil), false},
		{"no name", cert(shop, "", nil), false},
		{"the name of an organisation", cert(shop, "kiosk-1", func(c *x509.Certificate) { c.Subject.Organization = []string{"till-1"} }), false},
		{"two names", cert(shop, "", func(c *x509.Certificate) {
			name := asn1.ObjectIdentifier{2, 5, 4, 3}
			c.Subject = pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: name, Value: "kiosk-1"}, {Type: name, Value: "till-1"}}}
		}), false},
		{"another authority of the same name", cert(foreign, "till-1", nil), false},
		{"run out", cert(shop, "till-1", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), false},
		{"not yet", cert(shop, "till-1", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }), false},
		{"of a server", cert(shop, "till-1", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), false},
	}
	for _, h2 := range []bool{false, true} {
		for _, row := range rows {
			before := len(app.calls())
			a := h.callBy(tlsClient(t, front, row.cert, h2), front.URL, "POST", "/api/orders/1", "x")
			if open := a.StatusCode == http.StatusOK; open != row.open || (len(app.calls()) > before) != row.open {
				t.Errorf("HTTP/2 %v: %s: %d %s, want open %v", h2, row.what, a.StatusCode, a.body, row.open)
			} else if !open {
				a.wantProgramAnswer(t, http.StatusForbidden, "forbidden")
			}
		}
	}
	// The connection outlives the certificate.
	client := tlsClient(t, front, cert(shop, "till-2", nil), false)
	if a := h.callBy(client, front.URL, "POST", "/api/orders/1", "x"); a.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	// A browser of the shop's shows its certificate to whatever a page asks for.
	if a := h.callBy(client, front.URL, "POST", "/api/orders/1", "x", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); a.StatusCode != http.StatusForbidden {
		t.Errorf("a page in a browser with the certificate: %d %s", a.StatusCode, a.body)
	}
	h.clock.add(13 * time.Hour)
	if a := h.callBy(client, front.URL, "POST", "/api/orders/1", "x"); a.StatusCode != http.StatusForbidden {
		t.Errorf("on the connection of a certificate that ran out: %d %s", a.StatusCode, a.body)
	}
	// A header that a proxy would set says nothing.
	if a := h.call("POST", "/api/orders/1", "x", "X-Ssl-Client-Cn", "till-1", "X-Ssl-Client-Verify", "SUCCESS"); a.StatusCode != http.StatusForbidden {
		t.Errorf("without TLS: %d %s", a.StatusCode, a.body)
	}
}
