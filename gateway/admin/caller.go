package admin

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/user"
	"strconv"
)

// Caller is who asks, as the kernel says it and not as he says it himself.
type Caller struct {
	UID  int
	Name string // of the account; "" for one without
}

// String is how audit lines name the caller: "root (uid 0)".
func (c Caller) String() string {
	if c.Name == "" {
		return fmt.Sprintf("uid %d", c.UID)
	}
	return fmt.Sprintf("%s (uid %d)", c.Name, c.UID)
}

// Myself is the account that this process runs as: who asks where a command does by itself what a running gateway would.
func Myself() Caller { return named(os.Getuid()) }

func named(uid int) Caller {
	c := Caller{UID: uid}
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		c.Name = u.Username
	}
	return c
}

type callerKey struct{}

// withCaller notes who is at the other end of a connection. Of one that is no unix socket, or of which the kernel does not say, nothing is
// noted.
func withCaller(ctx context.Context, c net.Conn) context.Context {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	uid, err := peer(u)
	if err != nil {
		return ctx
	}
	return context.WithValue(ctx, callerKey{}, named(uid))
}

func callerOf(ctx context.Context) (Caller, bool) {
	c, ok := ctx.Value(callerKey{}).(Caller)
	return c, ok
}
