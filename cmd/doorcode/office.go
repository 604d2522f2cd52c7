package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"doorcode/challenge"
	"doorcode/challenge/boltstore"
	"doorcode/challenge/keys"
	"doorcode/config"
	"doorcode/gateway/admin"
)

// office is what an admin's commands work on: the running gateway, or the files themselves where none runs.
type office struct {
	file      string // gateway.yaml
	overrides config.Overrides
	log       zerolog.Logger
	takeUp    func(written) error             // has the running gateway take up the files; nil where none runs
	editing   sync.Mutex                      // one edit of users.yaml at a time
	door      func() (*challenge.Door, error) // of the running gateway, or one opened for this command
}

// office is that of the running gateway. What it starts ends with ctx, not with the command.
func (h *house) office(ctx context.Context, file string, overrides config.Overrides) *office {
	return &office{
		file: file, overrides: overrides, log: h.log,
		takeUp: func(written) error { return h.refresh(ctx, file, overrides) },
		door:   func() (*challenge.Door, error) { return h.door, nil },
	}
}

// deed is one thing that an admin can have done. It is one function, whether the running gateway does it (over the admin socket) or the
// command itself.
type deed[In, Out any] struct {
	name string // of the socket's verb
	do   func(ctx context.Context, o *office, by admin.Caller, in In) (Out, error)
}

// verb is the deed as the socket offers it.
func (d deed[In, Out]) verb(o *office) admin.Verb {
	return admin.Do(d.name, func(ctx context.Context, by admin.Caller, in In) (Out, error) { return d.do(ctx, o, by, in) })
}

// verbs is all that the socket offers.
func (o *office) verbs() []admin.Verb {
	return []admin.Verb{takeUpFiles.verb(o), findingsOf.verb(o), sendingOf.verb(o), setUser.verb(o), makeEntryCode.verb(o)}
}

// ask has the running gateway do it, or does it here where none runs.
func (d deed[In, Out]) ask(c *cobra.Command, file string, in In) (out Out, err error) {
	settings, problems := config.Load(file, config.Overrides{})
	if settings == nil {
		return out, problems.Err()
	}
	err = admin.Ask(c.Context(), settings.Admin.Socket, d.name, in, &out)
	runs := !errors.Is(err, admin.ErrNobody)
	if refused, ok := errors.AsType[*admin.Error](err); runs && (!ok || refused.Code != cannotWrite) {
		return out, said(err, settings.Admin)
	}
	o := &office{file: file, log: newLog(c.ErrOrStderr(), settings.Log)}
	var opened *deskDoor
	o.door = func() (*challenge.Door, error) {
		var err error
		if opened == nil {
			opened, err = openDoor(file, o.log)
		}
		if err != nil {
			return nil, err
		}
		return opened.door, nil
	}
	defer func() {
		if opened != nil {
			err = errors.Join(err, opened.close())
		}
	}()
	if runs {
		o.takeUp = func(in written) error {
			_, err := takeUpFiles.ask(c, file, in)
			return err
		}
	}
	return d.do(c.Context(), o, admin.Myself(), in)
}

// cannotWrite is the code of a refusal of the running gateway's: it may read users.yaml and not write it, as where systemd protects it. The
// command then writes it, as whoever gave it, and has the gateway take it up.
const cannotWrite = "cannot write"

// said words what came back from the socket.
func said(err error, c admin.Config) error {
	if refused, ok := errors.AsType[*admin.Error](err); ok && refused.Hint != "" {
		return hinted{refused, refused.Hint}
	}
	if errors.Is(err, fs.ErrPermission) {
		who := "root or the gateway's user"
		if c.Shared {
			who += ", or a member of the group " + c.Group
		}
		return hinted{fmt.Errorf("this account may not give commands to the gateway at %s", c.Socket), "do it as " + who}
	}
	return err
}

// deskDoor is a door that a command opens where no gateway runs.
type deskDoor struct {
	door  *challenge.Door
	store *boltstore.Store
}

// openDoor opens state and keys as a start of the gateway does. It makes neither: made by this account, the gateway's own might not be able to
// read them.
func openDoor(file string, log zerolog.Logger) (*deskDoor, error) {
	s, p, err := load(file, config.Overrides{}, func(config.Problems) {})
	if err != nil {
		return nil, err
	}
	for _, path := range []string{s.Keys, s.State} {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, hinted{fmt.Errorf("there is no %s yet", path), "start the gateway once: it makes its files itself"}
		}
	}
	ring, err := keys.Open(s.Keys)
	if err != nil {
		return nil, err
	}
	texts, providers, err := speaking(s)
	if err != nil {
		return nil, err
	}
	store, err := boltstore.Open(s.State, boltstore.Options{})
	if errors.Is(err, boltstore.ErrInUse) {
		return nil, hinted{fmt.Errorf("a gateway runs (%s is in use), but does not answer at %s", s.State, s.Admin.Socket),
			"it may be just starting or stopping; or admin.socket was changed since it started, or it is of an older version: restart it"}
	}
	if err != nil {
		return nil, err
	}
	d := challenge.New(s.Challenge, p, challenge.Parts{Store: store, Providers: providers, Keys: ring, Texts: texts, Log: log})
	return &deskDoor{d, store}, nil
}

// close waits for messages on their way.
func (d *deskDoor) close() error { return errors.Join(d.door.Close(), d.store.Close()) }
