package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"doorcode/challenge"
	"doorcode/config"
	"doorcode/gateway/admin"
)

func serveCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "serve --config gateway.yaml",
		Short: "Run the gateway",
		Example: `  doorcode serve --config /etc/doorcode/gateway.yaml
  DOORCODE_LISTEN_ADDRESS=127.0.0.1:8443 doorcode serve --config gateway.yaml`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			tuneCollector()
			overrides := config.Overrides{Flags: map[string]*pflag.Flag{"listen.address": c.Flags().Lookup("listen")}}
			return serve(c.Context(), file, overrides, func(l config.Log) zerolog.Logger { return newLog(c.ErrOrStderr(), l) })
		},
	}
	configFlag(c, &file)
	c.Flags().String("listen", "", "`address` to listen on instead of listen.address")
	return c
}

// tuneCollector gives the garbage collector room: the live heap of a gateway is so small that the default would collect all the
// time, which costs half of its speed. The memory limit keeps the whole within 64 MiB: beside it stand 15 MiB of the program's own
// pages, and up to 10 of the state file that bbolt has mapped. Who sets GOGC or GOMEMLIMIT decides.
func tuneCollector() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(36 << 20)
}

// load reads both files. Warnings go to warn; anything worse is the error.
func load(file string, o config.Overrides, warn func(config.Problems)) (*config.Settings, *challenge.Policy, error) {
	settings, policy, problems := config.LoadBoth(file, o)
	if settings == nil {
		return nil, nil, problems
	}
	warn(problems.Warnings())
	return settings, policy, nil
}

// serve runs the gateway of a configuration until ctx ends, and takes changes of its files up while it runs.
func serve(ctx context.Context, file string, o config.Overrides, newLog func(config.Log) zerolog.Logger) (err error) {
	settings, _, err := load(file, o, func(config.Problems) {})
	if err != nil {
		return err
	}
	// Read twice: once to know which files to watch, and once they are watched. A save between reading and watching would
	// otherwise be in force nowhere until the next one.
	var h *house
	watcher := newWatcher(func() []string { return settings.Files }, &h)
	var warnings config.Problems
	settings, policy, err := load(file, o, func(p config.Problems) { warnings = p })
	if err != nil {
		return err
	}
	log := newLog(settings.Log)
	logProblems(log, warnings)
	if h, err = open(ctx, settings, policy, log); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	watcher.Know()
	socket, err := admin.Listen(settings.Admin)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, socket.Close()) }()
	listener, err := listen(settings.Listen)
	if err != nil {
		return err
	}
	log.Info().Str("address", listener.Addr().String()).Str("public_url", settings.Gateway.PublicURLs[0].String()).
		Str("upstream", settings.Gateway.Upstream.URL.String()).Str("version", versionText()).Msg("the door is open for business")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	h.background(func() { h.watch(ctx, watcher, file, o) })
	h.background(func() { h.keep(ctx) })
	h.background(func() { h.remind(ctx, remindEvery) })
	desk := h.office(ctx, file, o)
	h.background(func() { attend(ctx, socket, desk) })
	return serveHTTP(ctx, listener, settings, h, log)
}

// attend answers the admin's commands until ctx ends. Without them the door still keeps out whom it must, so it stays open.
func attend(ctx context.Context, socket *admin.Socket, o *office) {
	if err := socket.Serve(ctx, admin.NewHandler(o.log, o.verbs()...), o.log); err != nil {
		o.log.Error().Err(err).Msg("commands are no longer answered")
	}
}

func logProblems(log zerolog.Logger, problems config.Problems) {
	for _, p := range problems {
		level := zerolog.ErrorLevel
		if p.Warning {
			level = zerolog.WarnLevel
		}
		log.WithLevel(level).Str("place", placeOf(p)).Msg(sentence(p))
	}
}

func placeOf(p config.Problem) string {
	if p.Line == 0 {
		return p.File // a variable or a flag
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

func sentence(p config.Problem) string {
	if p.Want == "" {
		return p.What
	}
	return p.What + ": " + p.Want
}
