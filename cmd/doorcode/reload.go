package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"doorcode/gateway/admin"
)

func reloadCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "reload --config gateway.yaml",
		Short: "Have the running gateway take up its changed files now, and say what is wrong with them",
		Long: `The running gateway notices changed files by itself, within a second. This command waits until it has taken them up, and
exits with 1 and the problems where it refuses them; what was in force before then stays in force.`,
		Example: `  doorcode reload --config /etc/doorcode/gateway.yaml`,
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := takeUpFiles.ask(c, file, written{}); err != nil {
				return err
			}
			_, err := fmt.Fprintln(c.OutOrStdout(), "the gateway has taken up its files")
			return err
		},
	}
	configFlag(c, &file)
	return c
}

type nothing struct{}

// written says what a command has changed in the files by itself.
type written struct {
	User    string   `json:"user,omitempty"`
	Changes []string `json:"changes,omitempty"` // for the log
}

// takeUpFiles has the running gateway read its files at once.
var takeUpFiles = deed[written, nothing]{"take-up", func(_ context.Context, o *office, by admin.Caller, in written) (nothing, error) {
	if o.takeUp == nil {
		return nothing{}, hinted{errors.New("no gateway runs"), "it reads its files when it starts"}
	}
	err := o.takeUp(in)
	if err == nil {
		o.log.Info().Str("event", "admin").Str("command", "take-up").Stringer("by", by).Str("user", in.User).Strs("changes", in.Changes).Msg("files taken up on command")
	}
	return nothing{}, err
}}
