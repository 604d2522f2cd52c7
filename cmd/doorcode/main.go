// Command doorcode puts a code on the door of a web application that nobody can change.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // timezone: holds on machines without zone data, such as a container of this program alone

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
	if _, wrong := errors.AsType[usageError](err); wrong {
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
user in only after the right code.`,
		Example: `  doorcode demo                          try it, with nothing installed and nothing configured
  doorcode check --config gateway.yaml   find the mistakes in a configuration
  doorcode serve --config gateway.yaml   run it`,
		Args:          noArguments,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().BoolP("help", "h", false, "show this help")
	root.SetUsageTemplate(usageText)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usageError{flagMistake(c, err)} })
	root.SetHelpCommand(helpCommand())
	root.AddCommand(serveCommand(), checkCommand(), explainCommand(), demoCommand(), userCommand(), entryCodeCommand(), reloadCommand(), sendTestCommand(), providersCommand(), reportCommand(), keysCommand(), versionCommand())
	return root
}

func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:                   "help [COMMAND]",
		Short:                 "Show the help of a command",
		DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return noArguments(about, rest)
			}
			return about.Help()
		},
	}
}

// noArguments refuses what a command does not take, as wrong usage.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if !c.HasAvailableSubCommands() {
		return usageError{hinted{fmt.Errorf("%s takes no %q", c.CommandPath(), args[0]), c.CommandPath() + " --help shows what it takes"}}
	}
	hint := c.CommandPath() + " --help lists the commands"
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + c.CommandPath() + " " + near[0] + "?"
	}
	return usageError{hinted{fmt.Errorf("%s has no command %q", c.CommandPath(), args[0]), hint}}
}
