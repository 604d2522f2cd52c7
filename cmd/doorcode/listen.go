package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"doorcode/config"
)

// stallLimit is how long a browser may take nothing of what it asked for, or leave an HTTP/2 ping without an answer.
const stallLimit = time.Minute

// listen opens the address where browsers come in.
func listen(l config.Listen) (net.Listener, error) { return listenOn(l.Address, "--listen") }

// listenOn opens an address that the named flag would change.
func listenOn(address, flag string) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		_ = endStalled(c, stallLimit) // a kernel that cannot do it has limits of its own, of many minutes
		return nil
	}}
	listener, err := config.Listen(context.Background(), "tcp", address)
	other := flag + " takes another address, e.g. " + flag + " 127.0.0.1:9443"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, hinted{fmt.Errorf("%s is in use by another program", address), other}
	case errors.Is(err, syscall.EACCES):
		return nil, hinted{fmt.Errorf("no permission to listen on %s", address), "ports below 1024 need the capability CAP_NET_BIND_SERVICE; " + other}
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, hinted{fmt.Errorf("%s is not an address of this machine", address), other}
	case err != nil:
		return nil, fmt.Errorf("listen on %s: %w", address, bareNet(err))
	}
	return listener, nil
}

// bareNet drops the operation and address that package net puts into its errors: ours name them already.
func bareNet(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Err
	}
	return err
}

// drainTime is how long requests under way may take after the signal to stop. Container runtimes kill after 10 s.
const drainTime = 8 * time.Second

// uploadBuffer bounds what HTTP/2 buffers of uploads, per connection and stream: with net/http's 1 MiB, 64 of them that the upstream takes
// slowly would fill the gateway's 64 MiB.
const uploadBuffer = 256 << 10

// headerBuffer is how much header is read so that the user gets our 431 page for it; beyond it net/http answers with its own line and
// closes. Browsers stay under it, and 64 connections that fill it take a quarter of the gateway's 64 MiB.
const headerBuffer = 256 << 10

// serveHTTP answers on listener until ctx ends; then requests under way are given time to end.
func serveHTTP(ctx context.Context, listener net.Listener, s *config.Settings, h *house, log zerolog.Logger) error {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: s.Listen.HeaderTimeout, // slow headers hold a connection no longer than this
		IdleTimeout:       s.Listen.IdleTimeout,
		MaxHeaderBytes:    max(2*s.Gateway.Limits.Header, headerBuffer),
		ErrorLog:          stdlog.New(serverLog{log}, "", 0),
		Protocols:         new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			MaxReceiveBufferPerConnection: uploadBuffer, MaxReceiveBufferPerStream: uploadBuffer,
			SendPingTimeout: stallLimit, PingTimeout: stallLimit,
		},
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(true)
	server.Protocols.SetUnencryptedHTTP2(s.Listen.Insecure)
	failed := make(chan error, 1)
	go func() {
		if s.Listen.Insecure {
			failed <- server.Serve(listener)
			return
		}
		pair := &certificate{cert: s.Listen.Cert, key: s.Listen.Key}
		if _, err := pair.get(nil); err != nil {
			failed <- err
			return
		}
		front := &asking{plain: &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.get}, current: h.settings}
		server.TLSConfig = front.config()
		failed <- server.ServeTLS(listener, "", "")
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("listen on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		// An event stream or a long download: it has had its time, and cutting it off is no failure.
		log.Info().Msg("requests that were still under way were cut off")
		return server.Close()
	}
	return nil
}

// certificate is a TLS certificate from files, read again when they change: renewed ones need no restart.
type certificate struct {
	cert, key string

	mu     sync.Mutex
	loaded *tls.Certificate
	at     time.Time
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(c.cert)
	if err == nil && c.loaded != nil && info.ModTime().Equal(c.at) {
		return c.loaded, nil
	}
	pair, loadErr := tls.LoadX509KeyPair(c.cert, c.key)
	switch {
	case err == nil && loadErr == nil:
		c.loaded, c.at = &pair, info.ModTime()
	case c.loaded == nil:
		return nil, fmt.Errorf("TLS certificate: %w", errors.Join(err, loadErr))
	}
	return c.loaded, nil // half renewed: the last good pair serves on
}

// serverLog turns what net/http says about clients' connections into debug lines.
type serverLog struct{ log zerolog.Logger }

func (l serverLog) Write(line []byte) (int, error) {
	l.log.Debug().Msg(strings.TrimSpace(string(line)))
	return len(line), nil
}
