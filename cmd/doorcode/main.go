// Command doorcode puts a code on the door of a web application that nobody can change.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit statuses: problems found, wrong usage.
const (
	exitProblems = 1
	exitUsage    = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run is the program without the process around it: tests start it too.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	sayError(stderr, err)
	var wrong usageError
	if errors.As(err, &wrong) {
		return exitUsage
	}
	return exitProblems
}

// usageError is a mistake on the command line: exit status 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "doorcode",
		Short: "Doorcode puts a code on the door of a web application that nobody can change.",
		Long: `Doorcode is a reverse proxy with a door in it. The application behind it goes on checking user name and
password; when they are right, Doorcode holds the session back, sends a code by SMS or e-mail, and lets the
user in only after the right code.

Try it with nothing configured:

  doorcode demo`,
		Args:          noArguments,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(serveCommand(), checkCommand(), demoCommand(), versionCommand())
	return root
}

// noArguments refuses what a command does not take, as wrong usage.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{errors.New(`unknown command "` + args[0] + `" for "` + c.CommandPath() + `"`)}
	}
	return nil
}
