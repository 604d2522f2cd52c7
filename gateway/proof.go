package gateway

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"doorcode/gateway/reading"
)

// proof is how a client showed who it is.
type proof struct {
	who  string // whose calls are counted together
	how  string // for the audit log
	pass string // the header of a key that the application wants to see too
}

// Why a client's proof does not hold, for the log.
var (
	errNothing     = errors.New("the rule asks for no proof")
	errOutside     = errors.New("not from its networks")
	errUnknownHop  = errors.New("by a proxy that is not in trusted_proxies, so its address is not known")
	errNoKey       = errors.New("no key")
	errWrongKey    = errors.New("a wrong key")
	errKeyTwice    = errors.New("more than one key")
	errNoTLS       = errors.New("no TLS here, so no certificate")
	errNoCert      = errors.New("no certificate")
	errNames       = errors.New("a certificate with no common name, or with several")
	errOtherClient = errors.New("a certificate of another name")
)

// prove holds what a request shows against a rule. All that the rule names must hold.
func (g *Gateway) prove(c *client, v *visit) (proof, error) {
	p := proof{who: meterAddress(v.address)}
	var how []string
	if len(c.Networks)+len(c.keys) == 0 && c.Certificate == nil {
		return proof{}, errNothing // config refuses such a rule; here it opens nothing
	}
	if len(c.Networks) > 0 {
		network, err := g.inNetworks(c.Networks, v)
		if err != nil {
			return proof{}, err
		}
		how = append(how, "network "+network.String())
	}
	if len(c.keys) > 0 {
		n, err := whichKey(c.keys, v.r.Header)
		if err != nil {
			return proof{}, err
		}
		p.who = fmt.Sprintf("key %d", n+1)
		if c.Keys[n].Pass {
			p.pass = c.Keys[n].Header
		}
		how = append(how, p.who)
	} else if name := browserHeader(v.r.Header); name != "" {
		// A network holds browsers too, and a browser shows its certificate to every page's requests: without a key that a program alone
		// knows, this rule would be a way past the code, or another site's way in by a browser of this network.
		return proof{}, fmt.Errorf("%s, which browsers send: the rule has no key", name)
	}
	if c.Certificate != nil {
		name, err := g.certified(c, v.r)
		if err != nil {
			return proof{}, err
		}
		p.who = "certificate " + name
		how = append(how, p.who)
	}
	p.how = strings.Join(how, ", ")
	return p, nil
}

// inNetworks: an address that a proxy hides which the configuration does not know is that proxy's, and everybody behind it would be in its
// network.
func (g *Gateway) inNetworks(networks []netip.Prefix, v *visit) (netip.Prefix, error) {
	in := slices.IndexFunc(networks, func(p netip.Prefix) bool { return p.Contains(v.address) })
	switch {
	case in < 0:
		return netip.Prefix{}, errOutside
	case reading.Relayed(v.r.RemoteAddr, v.r.Header, g.config.TrustedProxies):
		return netip.Prefix{}, errUnknownHop
	}
	return networks[in], nil
}

// hashedKey is a ClientKey to compare with. Hashes are of one length: how long a key is shows no more than the key.
type hashedKey struct {
	header string
	sum    [sha256.Size]byte
}

func hashed(keys []ClientKey) (all []hashedKey) {
	for _, key := range keys {
		all = append(all, hashedKey{key.Header, sha256.Sum256([]byte(key.Value.Reveal()))})
	}
	return all
}

// whichKey returns the place of the key that was sent. All are compared, in constant time.
func whichKey(keys []hashedKey, h http.Header) (int, error) {
	found, sent := -1, false
	for i, key := range keys {
		values := h[key.header]
		if len(values) > 1 {
			return 0, errKeyTwice // proxies and applications differ in which of them counts
		}
		for _, value := range values {
			sent = true
			sum := sha256.Sum256([]byte(value))
			if subtle.ConstantTimeCompare(sum[:], key.sum[:]) == 1 {
				found = i
			}
		}
	}
	switch {
	case !sent:
		return 0, errNoKey
	case found < 0:
		return 0, errWrongKey
	}
	return found, nil
}

// browserHeader names a header of the request that browsers send and programs do not; "" for none. Over plain HTTP, where there is no
// Sec-Fetch-*, the language is all that a page's script cannot leave out.
func browserHeader(h http.Header) string {
	for _, name := range []string{"Cookie", "Origin", "Referer", "Upgrade-Insecure-Requests", "Accept-Language", "Service-Worker"} {
		if len(h[name]) > 0 {
			return name
		}
	}
	for name, values := range h {
		if strings.HasPrefix(name, "Sec-") || name == "Accept" && strings.Contains(strings.Join(values, ","), "text/html") {
			return name
		}
	}
	return ""
}

// certified verifies the certificate of the connection against the rule's authorities and names, at every request: a connection may
// outlive the certificate, or the rule. That its sender has the key to it was shown in the handshake.
func (g *Gateway) certified(c *client, r *http.Request) (name string, err error) {
	if r.TLS == nil {
		return "", errNoTLS
	}
	if len(r.TLS.PeerCertificates) == 0 {
		return "", errNoCert
	}
	leaf := r.TLS.PeerCertificates[0]
	between := x509.NewCertPool()
	for _, one := range r.TLS.PeerCertificates[1:] {
		between.AddCert(one)
	}
	_, err = leaf.Verify(x509.VerifyOptions{
		Roots: c.roots, Intermediates: between, CurrentTime: g.now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return "", fmt.Errorf("certificate: %w", err)
	}
	if name, err = commonName(leaf); err != nil {
		return "", err
	}
	if names := c.Certificate.Names; len(names) > 0 && !slices.ContainsFunc(names, func(p *regexp.Regexp) bool { return p.MatchString(name) }) {
		return "", errOtherClient
	}
	return name, nil
}

var commonNameID = asn1.ObjectIdentifier{2, 5, 4, 3}

// commonName is the one common name of a certificate: of several, pkix would take the last, and the authority may have looked at the first.
func commonName(c *x509.Certificate) (string, error) {
	times := 0
	for _, part := range c.Subject.Names {
		if part.Type.Equal(commonNameID) {
			times++
		}
	}
	if times != 1 || c.Subject.CommonName == "" {
		return "", errNames
	}
	return c.Subject.CommonName, nil
}

// meterAddress is the address whose calls are counted together: of IPv6 the network that one customer has.
func meterAddress(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
