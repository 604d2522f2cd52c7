package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"doorcode/challenge"
	"doorcode/gateway/admin"
)

func entryCodeCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "entry-code NAME --config gateway.yaml",
		Short: "Make a code that lets one user in once, for who lost the phone",
		Long: `Makes a code for one user and prints it. The user signs in with name and password as always and enters it on the code
page instead of the code that was sent. It works once, for 15 minutes, for nobody else, and takes the place of one
that was made before. It does not let in a user who is locked after too many wrong codes. The user is told that it
was made, and the log says who made it.`,
		Example: `  doorcode entry-code ahmad.saleh --config /etc/doorcode/gateway.yaml`,
		Args:    oneName,
		RunE: func(c *cobra.Command, args []string) error {
			made, err := makeEntryCode.ask(c, file, args[0])
			if err != nil {
				return err
			}
			return sayEntryCode(c.OutOrStdout(), c.ErrOrStderr(), made)
		},
	}
	configFlag(c, &file)
	return c
}

// entryCode is a code on its way to the terminal of who asked for it, and nowhere else.
type entryCode struct {
	Code    string    `json:"code"`
	User    string    `json:"user"`
	Expires time.Time `json:"expires"`
	Told    string    `json:"told"` // a sentence on whether the user knows
}

var makeEntryCode = deed[string, entryCode]{"entry-code", func(ctx context.Context, o *office, by admin.Caller, name string) (entryCode, error) {
	door, err := o.door()
	if err != nil {
		return entryCode{}, err
	}
	made, err := door.MakeEntryCode(ctx, name, by.String())
	if errors.Is(err, challenge.ErrLocked) {
		// No code passes the lock, and who set it off has the password (invariant 8).
		return entryCode{}, hinted{fmt.Errorf("%s is locked after too many wrong codes, and no code lets a locked user in", name),
			"somebody has the password: have it changed; then doorcode user set NAME --disabled and --disabled=false unlocks"}
	}
	if err != nil {
		return entryCode{}, err
	}
	return entryCode{Code: made.Code.Reveal(), User: made.User, Expires: made.ExpiresAt, Told: sayTold(made)}, nil
}}

func sayTold(made challenge.MadeEntryCode) string {
	switch {
	case made.Told != "":
		return fmt.Sprintf("%s was told by %s to %s that it was made", made.User, made.Told, made.Masked)
	case made.Masked != "":
		return fmt.Sprintf("%s could not be told at %s that it was made: the log says why", made.User, made.Masked)
	}
	return fmt.Sprintf("%s could not be told that it was made: %v", made.User, made.NotTold)
}

// sayEntryCode prints the code alone where other programs read, and what to know of it for the person.
func sayEntryCode(stdout, stderr io.Writer, made entryCode) error {
	fmt.Fprintf(stderr, "%s enters this code on the code page, once and before %s; %s\n", made.User, made.Expires.Local().Format("15:04"), made.Told)
	_, err := fmt.Fprintln(stdout, made.Code)
	return err
}
