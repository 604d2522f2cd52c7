package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"syscall"
)

// ErrNobody says that no gateway answers at the socket.
var ErrNobody = errors.New("no gateway answers")

// Ask has the gateway at a socket do what a verb says, and reads its answer into out. ErrNobody: there is none. fs.ErrPermission: this
// account may not use the socket. *Error: the gateway's refusal.
func Ask(ctx context.Context, socket, verb string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	var dial net.Dialer
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial.DialContext(ctx, "unix", socket) },
	}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://doorcode"+prefix+verb, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := client.Do(r)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w at %s", ErrNobody, socket)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("admin socket %s: %w", socket, fs.ErrPermission)
	case err != nil:
		return fmt.Errorf("admin socket %s: %w", socket, err)
	}
	defer resp.Body.Close()
	return take(resp, out)
}

func take(resp *http.Response, out any) error {
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("the gateway's answer broke off, it may have done what was asked: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return json.Unmarshal(text, out)
	}
	refused := new(Error)
	if err := json.Unmarshal(text, refused); err != nil || refused.Text == "" {
		return fmt.Errorf("the gateway answers %s", resp.Status)
	}
	return refused
}
