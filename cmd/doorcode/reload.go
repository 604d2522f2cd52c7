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
			if _, err := takeUpFiles.ask(c, file, nothing{}); err != nil {
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

// takeUpFiles has the running gateway read its files at once.
var takeUpFiles = deed[nothing, nothing]{"take-up", func(_ context.Context, o *office, by admin.Caller, _ nothing) (nothing, error) {
	if o.takeUp == nil {
		return nothing{}, hinted{errors.New("no gateway runs"), "it reads its files when it starts"}
	}
	err := o.takeUp()
	if err == nil {
		o.log.Info().Str("event", "admin").Str("command", "take-up").Stringer("by", by).Msg("files taken up on command")
	}
	return nothing{}, err
}}
