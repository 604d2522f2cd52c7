package main

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"doorcode/challenge"
	"doorcode/gateway/admin"
)

// findingsOf is the deed behind `doorcode report`.
var findingsOf = deed[nothing, report]{"findings", func(ctx context.Context, o *office, _ admin.Caller, _ nothing) (report, error) {
	door, err := o.door()
	if err != nil {
		return report{}, err
	}
	found, err := door.Findings(ctx)
	return report{Observing: door.Observes(), Findings: found}, err
}}

// report is what was found, and whether codes are asked.
type report struct {
	Observing bool                `json:"observing"`
	Findings  []challenge.Finding `json:"findings"`
}

func reportCommand() *cobra.Command {
	var file string
	var asJSON bool
	c := &cobra.Command{
		Use:   "report --config gateway.yaml",
		Short: "Sum up who signed in and what was refused: what to mend before going live",
		Long: `Sums up what the gateway has seen: who signed in and whether a code was asked or would have been, which users
are not in users.yaml or have no destination for a code, which of the application's other doors are used, which
paths were refused and which cookies dropped. Made for the days of mode: observe, and of use later too. Findings
are forgotten 90 days after they were last seen.`,
		Example: `  doorcode report --config gateway.yaml
  doorcode report --config gateway.yaml --json | jq '.findings[] | select(.kind == "login")'`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := findingsOf.ask(c, file, nothing{})
			if err != nil {
				return err
			}
			if asJSON {
				e := json.NewEncoder(c.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(r)
			}
			return writeReport(c.OutOrStdout(), r.Findings, r.Observing)
		},
	}
	configFlag(c, &file)
	c.Flags().BoolVar(&asJSON, "json", false, "print it for programs")
	return c
}
