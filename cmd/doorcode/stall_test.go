package main

import (
	"context"
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// Who asks for a download and takes nothing of it is cut off; who takes a little now and then is not.
func TestEndStalled(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the kernel: not under -short")
	}
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can be told")
	}
	t.Parallel()
	const limit = time.Second
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return endStalled(c, limit) }}
	listener, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, takes := range []bool{false, true} {
		client, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		server, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		if takes {
			go func() {
				tick, piece := time.NewTicker(limit/4), make([]byte, 1<<20)
				defer tick.Stop()
				for range tick.C {
					if _, err := client.Read(piece); err != nil {
						return
					}
				}
			}()
		}
		if err := server.SetWriteDeadline(time.Now().Add(8 * limit)); err != nil {
			t.Fatal(err)
		}
		start, page := time.Now(), make([]byte, 1<<20)
		for err = nil; err == nil; {
			_, err = server.Write(page)
		}
		timeout, ok := err.(net.Error)
		if byUs := ok && timeout.Timeout() && time.Since(start) >= 8*limit; byUs != takes {
			t.Errorf("takes %v: ended after %v: %v", takes, time.Since(start), err)
		}
	}
}
