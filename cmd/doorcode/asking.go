package main

import (
	"crypto/tls"
	"crypto/x509"
	"sync"

	"doorcode/config"
)

// asking is the TLS of the listener. It asks for a client's certificate only while some `clients:` rule wants one, and names the authorities
// of those rules, so that a browser asks its user only where he has a certificate of one of them. What is shown is not judged here: browsers
// with other certificates are welcome, and each rule has authorities of its own (gateway/proof.go).
type asking struct {
	plain   *tls.Config
	current func() *config.Settings

	mu   sync.Mutex
	of   *config.Settings // what with was made for
	with *tls.Config      // nil: nobody is asked
}

// config is for http.Server.
func (a *asking) config() *tls.Config {
	c := a.plain.Clone()
	c.GetConfigForClient = a.forClient
	return c
}

// forClient is asked at each handshake.
func (a *asking) forClient(*tls.ClientHelloInfo) (*tls.Config, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := a.current(); a.of != now {
		a.of, a.with = now, a.made(authoritiesOf(now))
	}
	return a.with, nil
}

func (a *asking) made(authorities []*x509.Certificate) *tls.Config {
	if len(authorities) == 0 {
		return nil
	}
	c := a.plain.Clone()
	c.NextProtos = []string{"h2", "http/1.1"} // http.Server adds them only to its own
	c.ClientAuth = tls.RequestClientCert
	// Nobody is asked in a session that is resumed: a till that knew the gateway before its rule was there would go without a certificate for
	// as long as its ticket lives, a week. crypto/tls gives every configuration the tickets of the listener's own, so none are taken while
	// somebody is asked: a new connection then costs a whole handshake, a millisecond.
	c.SessionTicketsDisabled = true
	c.ClientCAs = x509.NewCertPool()
	for _, one := range authorities {
		c.ClientCAs.AddCert(one)
	}
	return c
}

func authoritiesOf(s *config.Settings) (all []*x509.Certificate) {
	for _, c := range s.Gateway.Clients {
		if c.Certificate != nil {
			all = append(all, c.Certificate.Authorities...)
		}
	}
	return all
}
