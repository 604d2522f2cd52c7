package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"doorcode/challenge"
	"doorcode/challenge/secret"
	"doorcode/config"
	"doorcode/gateway/admin"
)

func userCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "user",
		Short: "Look at the users and change them",
		Example: `  doorcode user list --config /etc/doorcode/gateway.yaml
  doorcode user set ahmad.saleh --mobile 0599123456 --code sms --config /etc/doorcode/gateway.yaml`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(setUserCommand(), removeUserCommand(), listUsersCommand(), showUserCommand())
	return c
}

// oneName wants one argument, the name of a user.
func oneName(c *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return usageError{hinted{errors.New("a user's name is missing"), c.CommandPath() + " --help shows where it goes"}}
	case len(args) > 1:
		return noArguments(c, args[1:])
	}
	return nil
}

// userKeys are the flags of user set in the order in which a new user has the keys. A word is never quoted in the file.
var userKeys = []struct {
	flag, key, usage string
	word, list       bool
}{
	{"code", "code", "which `code` is asked for: off, sms, email, both or choose", true, false},
	{"mobile", "mobile", "the `number` that codes go to, as it is dialled", false, false},
	{"email", "email", "the `address` that codes go to", false, false},
	{"group", "group", "the `name` of a group in users.yaml whose keys hold for the user", false, false},
	{"from", "from", "the `day` from which a code is asked, such as 2026-12-01", true, false},
	{"language", "language", "of messages: ar or en", true, false},
	{"remember", "remember", "how `long` a browser may be remembered, such as 30d, or never", true, false},
	{"alias", "aliases", "another `name` that the application knows the user by; may be given several times", false, true},
}

// userFlags are those that are yes or no.
var userFlags = []struct{ key, usage string }{
	{"admin", "an admin is told of what happens to others' codes; --admin=false takes it back"},
	{"disabled", "does not come in; --disabled=false takes it back"},
}

func setUserCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "set NAME [flags]",
		Short: "Change a user in users.yaml, or add one",
		Long: `Changes what users.yaml says of one user, or adds the user. Comments, order and everything else in the file stay as they are.
A change that the file would not be in order with is refused. A running gateway takes it up before this command ends.`,
		Example: `  doorcode user set ahmad.saleh --mobile 0599123456 --code sms
  doorcode user set ahmad.saleh --email ahmad@example.com --code both --admin
  doorcode user set ahmad.saleh --disabled`,
		Args: oneName,
		RunE: func(c *cobra.Command, args []string) error {
			done, err := setUser.ask(c, file, config.Edit{User: args[0], Values: valuesOf(c.Flags())})
			if err != nil {
				return err
			}
			return sayUserSet(c.OutOrStdout(), c.ErrOrStderr(), done)
		},
	}
	configFlag(c, &file)
	for _, k := range userKeys {
		if k.list {
			c.Flags().StringArray(k.flag, nil, k.usage)
		} else {
			c.Flags().String(k.flag, "", k.usage)
		}
	}
	for _, k := range userFlags {
		c.Flags().Bool(k.key, false, k.usage)
	}
	return c
}

func removeUserCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "remove NAME --config gateway.yaml",
		Short: "Take a user out of users.yaml",
		Long: `Takes a user out of users.yaml. What holds for users who are not listed holds from then on: unlisted: refuse keeps the
user out, and what the user had ends when a running gateway takes it up, before this command ends.`,
		Example: `  doorcode user remove ahmad.saleh --config /etc/doorcode/gateway.yaml`,
		Args:    oneName,
		RunE: func(c *cobra.Command, args []string) error {
			done, err := setUser.ask(c, file, config.Edit{User: args[0], Remove: true})
			if err != nil {
				return err
			}
			return sayUserSet(c.OutOrStdout(), c.ErrOrStderr(), done)
		},
	}
	configFlag(c, &file)
	return c
}

// valuesOf reads the flags that were given.
func valuesOf(flags *pflag.FlagSet) (values []config.Value) {
	for _, k := range userKeys {
		f := flags.Lookup(k.flag)
		switch {
		case !f.Changed:
		case k.list:
			all, _ := flags.GetStringArray(k.flag) // it is one
			values = append(values, config.Value{Key: k.key, Add: all})
		default:
			values = append(values, config.Value{Key: k.key, Text: f.Value.String(), Word: k.word})
		}
	}
	for _, k := range userFlags {
		if f := flags.Lookup(k.key); f.Changed {
			values = append(values, config.Value{Key: k.key, Text: f.Value.String(), Word: true})
		}
	}
	return values
}

// userSet says what was changed. Destinations in it are masked.
type userSet struct {
	Name     string   `json:"name"`
	File     string   `json:"file"`
	New      bool     `json:"new"`
	Removed  bool     `json:"removed"`
	Changes  []string `json:"changes"`
	Warnings []string `json:"warnings"`
	InForce  bool     `json:"in_force"` // a running gateway has taken it up
	Socket   string   `json:"socket"`   // where it was looked for
}

var setUser = deed[config.Edit, userSet]{"user-set", func(_ context.Context, o *office, by admin.Caller, in config.Edit) (userSet, error) {
	o.editing.Lock()
	defer o.editing.Unlock()
	settings, problems := config.Load(o.file, o.overrides)
	if settings == nil {
		return userSet{}, problems.Err()
	}
	edited, err := in.Save(o.file, settings)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
			return userSet{}, &admin.Error{Text: err.Error(), Hint: "do it as an account that may write there, such as root", Code: cannotWrite}
		}
		return userSet{}, err
	}
	done := userSet{Name: edited.Name, File: settings.Policy, New: edited.New, Removed: edited.Removed, Socket: settings.Admin.Socket}
	for _, change := range edited.Changes {
		done.Changes = append(done.Changes, sayChange(change))
	}
	for _, w := range edited.Warnings {
		done.Warnings = append(done.Warnings, w.Error())
	}
	if len(done.Changes) == 0 && !done.New && !done.Removed {
		return done, nil
	}
	o.log.Info().Str("event", "admin").Str("command", "user set").Stringer("by", by).Str("user", done.Name).Bool("new", done.New).Bool("removed", done.Removed).
		Strs("changes", done.Changes).Msg("users.yaml changed on command")
	if o.takeUp != nil {
		if err := o.takeUp(written{User: done.Name, Changes: done.Changes}); err != nil {
			return done, fmt.Errorf("%s is written, but not in force: %w", settings.Policy, err)
		}
		done.InForce = true
	}
	return done, nil
}}

// sayChange says old and new value, destinations masked: terminals are looked at by others, and logs are kept.
func sayChange(c config.Change) string {
	show := func(value string) string {
		switch {
		case value == "":
			return "(none)"
		case c.Key == "mobile":
			return challenge.Mask(challenge.SMS, secret.New(value))
		case c.Key == "email":
			return challenge.Mask(challenge.Email, secret.New(value))
		}
		return value
	}
	return fmt.Sprintf("%s: %s → %s", c.Key, show(c.Old), show(c.New))
}

func sayUserSet(stdout, stderr io.Writer, done userSet) error {
	for _, w := range done.Warnings {
		fmt.Fprintln(stderr, w)
	}
	var b strings.Builder
	switch {
	case done.New:
		fmt.Fprintf(&b, "%s is a new user in %s\n", done.Name, done.File)
	case done.Removed:
		fmt.Fprintf(&b, "%s is taken out of %s\n", done.Name, done.File)
	case len(done.Changes) == 0:
		fmt.Fprintf(&b, "%s: nothing to change, %s says so already\n", done.Name, done.File)
	default:
		fmt.Fprintf(&b, "%s is changed in %s\n", done.Name, done.File)
	}
	for _, change := range done.Changes {
		fmt.Fprintf(&b, "  %s\n", change)
	}
	switch {
	case done.InForce:
		b.WriteString("the running gateway has taken it up\n")
	case done.New || done.Removed || len(done.Changes) > 0:
		fmt.Fprintf(&b, "no gateway answers at %s: its next start takes it up\n", done.Socket)
	}
	_, err := io.WriteString(stdout, b.String())
	return err
}

func listUsersCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:     "list --config gateway.yaml",
		Short:   "List the users of users.yaml, destinations masked",
		Example: `  doorcode user list --config /etc/doorcode/gateway.yaml`,
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			_, policy, err := load(file, config.Overrides{}, func(config.Problems) {})
			if err != nil {
				return err
			}
			t := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "NAME\tCODE\tMOBILE\tE-MAIL\tMARKS")
			for _, u := range policy.Users() {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", u.Name, u.Code, masked(challenge.SMS, u.Mobile), masked(challenge.Email, u.Email), marks(u))
			}
			return t.Flush()
		},
	}
	configFlag(c, &file)
	return c
}

func masked(c challenge.Channel, to secret.Text) string {
	if to.Empty() {
		return "-"
	}
	return challenge.Mask(c, to)
}

func marks(u challenge.User) string {
	var all []string
	if u.Admin {
		all = append(all, "admin")
	}
	if u.Disabled {
		all = append(all, "disabled")
	}
	if all == nil {
		return "-"
	}
	return strings.Join(all, ", ")
}

func showUserCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:     "show NAME --config gateway.yaml",
		Short:   "Show what users.yaml says of one user, destinations masked",
		Example: `  doorcode user show ahmad.saleh --config /etc/doorcode/gateway.yaml`,
		Args:    oneName,
		RunE: func(c *cobra.Command, args []string) error {
			settings, policy, err := load(file, config.Overrides{}, func(config.Problems) {})
			if err != nil {
				return err
			}
			u, ok := lookUp(settings, policy, args[0])
			if !ok {
				return hinted{fmt.Errorf("%s has no user %q", settings.Policy, args[0]), "doorcode user list shows them all"}
			}
			return showUser(c.OutOrStdout(), u)
		},
	}
	configFlag(c, &file)
	return c
}

// lookUp finds a user by name or alias, in any spelling that login.fold makes one.
func lookUp(s *config.Settings, p *challenge.Policy, name string) (challenge.User, bool) {
	wanted, err := s.Fold.Username(name)
	if err != nil {
		return challenge.User{}, false
	}
	for _, u := range p.Users() {
		for _, n := range slices.Concat([]string{u.Name}, u.Aliases) {
			if folded, err := s.Fold.Username(n); err == nil && folded == wanted {
				return u, true
			}
		}
	}
	return challenge.User{}, false
}

func showUser(w io.Writer, u challenge.User) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	remember := "never"
	if u.Remember > 0 {
		remember = config.SaySpan(u.Remember)
	}
	for _, line := range [][2]string{
		{"name", u.Name}, {"aliases", strings.Join(u.Aliases, ", ")}, {"code", string(u.Code)},
		{"mobile", masked(challenge.SMS, u.Mobile)}, {"email", masked(challenge.Email, u.Email)}, {"language", u.Language},
		{"remember", remember}, {"from", day(u.From)}, {"only", networks(u.Networks.Only)}, {"no_code", networks(u.Networks.NoCode)}, {"marks", marks(u)}, {"place", u.Place},
	} {
		if line[1] != "" && line[1] != "-" {
			fmt.Fprintf(t, "%s\t%s\n", line[0], line[1])
		}
	}
	return t.Flush()
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

func networks(all []netip.Prefix) string {
	texts := make([]string, len(all))
	for i, n := range all {
		texts[i] = n.String()
	}
	return strings.Join(texts, ", ")
}
