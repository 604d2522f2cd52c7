package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"doorcode/challenge"
	"doorcode/challenge/email"
	"doorcode/challenge/sms"
	"doorcode/config"
	"doorcode/templates"
)

// sendTest is what the command line asks for.
type sendTest struct {
	file, user, channel, provider, language string
}

func sendTestCommand() *cobra.Command {
	var t sendTest
	c := &cobra.Command{
		Use:   "send-test --user NAME",
		Short: "Send a test message to a user and show what each provider answers",
		Long: `Sends the message of a login, marked as a test and with a code that opens nothing, to a user of users.yaml, by
every provider of gateway.yaml in turn, and shows what was sent and what was answered; passwords, codes and
numbers are hidden. It works with and without a running gateway, and is charged to no limit, but by the provider.

It ends with status 0 when every provider accepted the message, and 1 otherwise.`,
		Example: `  doorcode send-test --config /etc/doorcode/gateway.yaml --user ahmad.saleh
  doorcode send-test --user ahmad.saleh --channel sms --provider hotsms --language ar`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return t.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr()) },
	}
	configFlag(c, &t.file)
	c.Flags().StringVar(&t.user, "user", "", "a `name` of users.yaml")
	c.Flags().StringVar(&t.channel, "channel", "", "`sms` or email; as the policy says when not given")
	c.Flags().StringVar(&t.provider, "provider", "", "this provider alone, by the `name` it has in gateway.yaml")
	c.Flags().StringVar(&t.language, "language", "", "`language` of the message; the user's when not given")
	return c
}

func (t sendTest) run(ctx context.Context, out, warn io.Writer) error {
	if t.user == "" {
		return usageError{hinted{errors.New("a user is missing"), "write --user and a name of users.yaml"}}
	}
	settings, policy, err := load(t.file, config.Overrides{}, func(config.Problems) {})
	if err != nil {
		return err
	}
	texts, err := templates.New(settings.Templates)
	if err != nil {
		return err
	}
	user, ok := policy.User(t.user)
	if !ok {
		return usageError{hinted{fmt.Errorf("%s has no user %q", settings.Policy, t.user), "users who are not listed have no mobile or e-mail address"}}
	}
	if err := t.complete(texts, user); err != nil {
		return err
	}
	if settings.Outbox != "" {
		fmt.Fprintf(warn, "note: outbox is set: the gateway itself writes messages into %s and sends none\n", settings.Outbox)
	}
	tries, err := t.tries(settings, user)
	if err != nil {
		return err
	}
	return sendEach(ctx, out, trial{settings, texts, user, t.language}, tries)
}

// complete checks the language, and takes the user's where none was given.
func (t *sendTest) complete(texts *templates.Set, user challenge.User) error {
	if t.language == "" {
		t.language = texts.Choose(user.Language, "")
	}
	if known := texts.Languages(); !slices.Contains(known, t.language) {
		return usageError{hinted{fmt.Errorf("there are no texts in %q", t.language), "there are texts in: " + strings.Join(known, ", ")}}
	}
	return nil
}

// trial is one test message: from which settings, in whose words, to whom.
type trial struct {
	settings *config.Settings
	texts    *templates.Set
	user     challenge.User
	language string
}

func (t trial) message(c challenge.Channel) (challenge.Message, error) {
	about := challenge.Trial{
		Name: t.settings.Challenge.Name, Host: t.settings.Gateway.PublicURLs[0].Hostname(),
		Digits: t.settings.Challenge.Digits, Life: t.settings.Challenge.Expires, Language: t.language, Zone: t.settings.Challenge.Zone,
	}
	return about.Message(t.texts, t.user, c, time.Now())
}

// try is one provider to be tried.
type try struct {
	name    string
	channel challenge.Channel
	send    func(ctx context.Context, out io.Writer, m challenge.Message) error
}

// tries lists the providers that were asked for, in the order of gateway.yaml.
func (t sendTest) tries(s *config.Settings, user challenge.User) ([]try, error) {
	channels, err := t.channels(user)
	if err != nil {
		return nil, err
	}
	all, err := everyProvider(s)
	if err != nil {
		return nil, err
	}
	var names []string
	var chosen []try
	for _, one := range all {
		if !slices.Contains(channels, one.channel) {
			continue
		}
		names = append(names, one.name)
		if t.provider == "" || t.provider == one.name {
			chosen = append(chosen, one)
		}
	}
	switch {
	case len(names) == 0:
		return nil, hinted{fmt.Errorf("%s has nothing to send %s with", t.file, channelNames(channels)), "write sms: or email: into it, docs/sms.md shows how"}
	case len(chosen) == 0:
		return nil, usageError{hinted{fmt.Errorf("there is no provider %q for %s", t.provider, channelNames(channels)), "there is: " + strings.Join(names, ", ")}}
	}
	return chosen, nil
}

// channels are those that were asked for, else those of the user's codes, else those by which the user can be reached.
func (t sendTest) channels(user challenge.User) ([]challenge.Channel, error) {
	reachable := user.Reachable()
	switch c := challenge.Channel(t.channel); {
	case t.channel == "" && len(user.Channels()) > 0:
		return user.Channels(), nil
	case t.channel == "" && len(reachable) > 0:
		return reachable, nil
	case t.channel == "":
		return nil, hinted{fmt.Errorf("%s has neither a mobile nor an e-mail address", user.Name), "write one into users.yaml"}
	case c != challenge.SMS && c != challenge.Email:
		return nil, usageError{hinted{fmt.Errorf("--channel is %q", t.channel), "write sms or email"}}
	case !slices.Contains(reachable, c):
		return nil, hinted{fmt.Errorf("%s has no destination for %s", user.Name, c), "write mobile: or email: into users.yaml"}
	default:
		return []challenge.Channel{c}, nil
	}
}

func channelNames(channels []challenge.Channel) string {
	names := make([]string, len(channels))
	for i, c := range channels {
		names[i] = string(c)
	}
	return strings.Join(names, " or ")
}

func everyProvider(s *config.Settings) ([]try, error) {
	var all []try
	for _, c := range s.SMS {
		sender, err := sms.New(c)
		if err != nil {
			return nil, err
		}
		all = append(all, try{c.Name, challenge.SMS, func(ctx context.Context, out io.Writer, m challenge.Message) error {
			return traceSMS(ctx, out, sender, m)
		}})
	}
	if s.Email != nil {
		sender, err := email.New(*s.Email)
		if err != nil {
			return nil, err
		}
		all = append(all, try{s.Email.Address(), challenge.Email, func(ctx context.Context, out io.Writer, m challenge.Message) error {
			return sender.Trace(ctx, m, func(line string) { fmt.Fprintln(out, "  "+line) })
		}})
	}
	return all, nil
}

// sendEach sends by each provider and says what became of it.
func sendEach(ctx context.Context, out io.Writer, t trial, tries []try) error {
	failed := 0
	for i, one := range tries {
		m, err := t.message(one.channel)
		if err != nil {
			return err
		}
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "%s by %s to %s (%s), in %s\n", one.channel, one.name, challenge.Masked(one.channel, m.To), t.user.Name, m.Language)
		if one.channel == challenge.SMS {
			sayLength(out, m)
		}
		began := time.Now()
		err = one.send(ctx, out, m)
		if err != nil {
			failed++
		}
		fmt.Fprintf(out, "  %s, after %v\n", became(err), time.Since(began).Round(time.Millisecond))
	}
	switch {
	case failed == 1 && len(tries) == 1:
		return challenge.ErrNotAccepted
	case failed > 0:
		return fmt.Errorf("%d of %d messages were not accepted", failed, len(tries))
	}
	return nil
}

// sayLength says what the message will be charged as.
func sayLength(out io.Writer, m challenge.Message) {
	text := m.Text.Reveal()
	n, gsm := challenge.Segments(text)
	alphabet := "UCS-2"
	if gsm {
		alphabet = "GSM-7"
	}
	fmt.Fprintf(out, "  text: %s, %d characters, %d segment%s\n", alphabet, len([]rune(text)), n, plural(n))
	if n > 1 {
		fmt.Fprintf(out, "  warning: it is charged as %d SMS: a shorter name: in gateway.yaml or shorter texts of your own (templates:) make it one\n", n)
	}
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// traceSMS sends and says what went to and fro.
func traceSMS(ctx context.Context, out io.Writer, sender *sms.Sender, m challenge.Message) error {
	e, err := sender.Trace(ctx, m)
	if e.Request != "" {
		fmt.Fprintln(out, "  >", e.Request)
	}
	if len(e.Fields) > 0 {
		fmt.Fprintln(out, "  > fields:", strings.Join(e.Fields, ", "))
	}
	if e.Number != "" {
		fmt.Fprintln(out, "  > number as", e.Number)
	}
	if e.Type != "" {
		fmt.Fprintln(out, "  > type as", e.Type)
	}
	if e.Status != 0 {
		fmt.Fprintf(out, "  < status %d, answer %q\n", e.Status, e.Answer)
	}
	return err
}

// became says what the rules made of it, in the words that the log has.
func became(err error) string {
	if err == nil {
		return "accepted"
	}
	why := err.Error()
	if e, ok := errors.AsType[*sms.Error](err); ok {
		why = e.Reason // the answer stands above
	}
	if errors.Is(err, challenge.ErrNotAccepted) {
		return "not accepted: " + why
	}
	return "unclear, the message may arrive all the same: " + why
}
