package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"doorcode/config"
)

func checkCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "check --config gateway.yaml",
		Short: "Read gateway.yaml and users.yaml and print every problem with its place",
		Example: `  doorcode check --config gateway.yaml
  doorcode check --config gateway.yaml && systemctl restart doorcode`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			settings, _, err := load(file, config.Overrides{}, func(p config.Problems) {
				for _, warning := range p {
					fmt.Fprintln(c.ErrOrStderr(), warning.Error())
				}
			})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s and %s are in order\n", file, settings.Policy)
			return err
		},
	}
	configFlag(c, &file)
	return c
}

func configFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "config", "gateway.yaml", "the configuration `file`")
}
