package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"doorcode/challenge"
	"doorcode/gateway/admin"
)

// sending is what `doorcode providers` shows.
type sending struct {
	Running   bool                      `json:"running"` // without a gateway nothing is known of the providers
	Providers []challenge.ProviderState `json:"providers"`
	SMS       challenge.SMSUsed         `json:"sms"`
}

// sendingOf is the deed behind `doorcode providers`.
var sendingOf = deed[nothing, sending]{"providers", func(ctx context.Context, o *office, _ admin.Caller, _ nothing) (sending, error) {
	door, err := o.door()
	if err != nil {
		return sending{}, err
	}
	used, err := door.SMSUsed(ctx)
	return sending{Running: o.takeUp != nil, Providers: door.Providers(), SMS: used}, err
}}

func providersCommand() *cobra.Command {
	var file string
	var asJSON bool
	c := &cobra.Command{
		Use:   "providers --config gateway.yaml",
		Short: "Show how sending goes: which providers work, which rest, and how many SMS are used",
		Long: `Shows each SMS provider and the mail server in the order in which they are asked: whether it works or rests after
failures, what it accepted today, and its last failure; and how many of the SMS of limits.sms are used. What is
known of a provider begins with the start of the gateway; SMS are counted over restarts.`,
		Example: `  doorcode providers --config gateway.yaml
  doorcode providers --config gateway.yaml --json | jq '.providers[] | select(.resting)'`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := sendingOf.ask(c, file, nothing{})
			if err != nil {
				return err
			}
			if asJSON {
				e := json.NewEncoder(c.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(s)
			}
			return writeSending(c.OutOrStdout(), s)
		},
	}
	configFlag(c, &file)
	c.Flags().BoolVar(&asJSON, "json", false, "print it for programs")
	return c
}

func writeSending(w io.Writer, s sending) error {
	if !s.Running {
		fmt.Fprintln(w, "No gateway runs, so nothing is known of its providers.")
	}
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "PROVIDER\tCHANNEL\tSTATE\tSENT TODAY\tLAST SENT\tLAST FAILURE")
	for _, p := range s.Providers {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\n", p.Name, p.Channel, stateOf(p), p.SentToday, momentOf(p.SentAt), momentOf(p.FailedAt))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, p := range s.Providers {
		if p.Error != "" {
			fmt.Fprintf(w, "\n%s, %s: %s\n", p.Name, clock(p.FailedAt), p.Error)
		}
	}
	_, err := fmt.Fprintf(w, "\nSMS today: %s. This month: %s.\n", shareOf(s.SMS.Day, s.SMS.Budget.Day), shareOf(s.SMS.Month, s.SMS.Budget.Month))
	return err
}

func stateOf(p challenge.ProviderState) string {
	switch {
	case p.Resting:
		return "rests until " + p.Until.Local().Format(time.TimeOnly)
	case p.SentAt.IsZero() && p.FailedAt.IsZero():
		return "not asked yet"
	case p.FailedAt.After(p.SentAt):
		return "failed last"
	}
	return "works"
}

func momentOf(at time.Time) string {
	if at.IsZero() {
		return "–"
	}
	return clock(at)
}

func shareOf(used, limit int) string {
	if limit == 0 {
		return fmt.Sprintf("%d, no limit", used)
	}
	return fmt.Sprintf("%d of %d", used, limit)
}
