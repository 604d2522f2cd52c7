package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"doorcode/challenge/keys"
	"doorcode/config"
)

func keysCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "keys",
		Short:   "Look after the key file",
		Example: `  doorcode keys rotate --config /etc/doorcode/gateway.yaml`,
		Args:    noArguments,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(rotateCommand())
	return c
}

// rotateCommand puts a new key in front. The old ones stay: without them everybody would be signed out and every remembered browser
// forgotten, which is what deleting one by hand is for, after a theft.
func rotateCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "rotate --config gateway.yaml",
		Short: "Add a new key; what the older ones sealed still opens",
		Long: `Adds a new key to the key file that gateway.yaml names. From its next start the gateway seals with it; cookies and
codes that older keys sealed still open, so nobody is signed out. Take an older key out of the file by hand when
it must not open anything any more.`,
		Example: `  doorcode keys rotate --config /etc/doorcode/gateway.yaml && systemctl restart doorcode`,
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			settings, problems := config.Load(file, config.Overrides{})
			if settings == nil {
				return problems.Err()
			}
			err := keys.Rotate(settings.Keys)
			if errors.Is(err, fs.ErrNotExist) {
				return hinted{err, "the first start of the gateway makes it"}
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s has a new key; the gateway seals with it from its next start\n", settings.Keys)
			return err
		},
	}
	configFlag(c, &file)
	return c
}
