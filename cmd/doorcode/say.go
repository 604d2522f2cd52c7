package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"doorcode/config"
)

// How the program speaks: "error:" says what is wrong, "hint:" what to type instead. Problems of a file stand one a line, with
// their place first, so that editors can jump to it.

// usageText is the help of a command. It ends with examples, which work as they stand.
const usageText = `Usage:
  {{if .HasAvailableSubCommands}}{{.CommandPath}} COMMAND{{else}}{{.UseLine}}{{end}}
{{- if .HasAvailableSubCommands}}

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}

{{.CommandPath}} COMMAND --help says more about one of them.{{end}}
{{- if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
{{- if .HasExample}}

Examples:
{{.Example}}{{end}}
`

func sayError(w io.Writer, err error) {
	if problems, ok := errors.AsType[config.Problems](err); ok {
		fmt.Fprintln(w, problems.Error())
		return
	}
	fmt.Fprintln(w, "error:", err)
	if h, ok := errors.AsType[hinted](err); ok {
		fmt.Fprintln(w, "hint:", h.hint)
	}
}

// hinted is an error with what to do about it.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// Hint is what the admin socket sends along.
func (h hinted) Hint() string { return h.hint }

// flagMistake says what is wrong with a flag.
func flagMistake(c *cobra.Command, err error) error {
	hint := c.CommandPath() + " --help lists its flags"
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return hinted{fmt.Errorf("--%s wants something after it", e.GetSpecifiedName()), hint}
	}
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		dashes := "--"
		if e.GetSpecifiedShortnames() != "" {
			dashes = "-"
		}
		return hinted{fmt.Errorf("%s has no flag %s%s", c.CommandPath(), dashes, e.GetSpecifiedName()), hint}
	}
	return hinted{err, hint}
}

// newLog writes for people on a terminal and JSON otherwise, unless the configuration says which.
func newLog(w io.Writer, c config.Log) zerolog.Logger {
	level, err := zerolog.ParseLevel(c.Level)
	if err != nil || c.Level == "" {
		level = zerolog.InfoLevel
	}
	human := c.Format == "human"
	if f, ok := w.(*os.File); ok && c.Format != "json" && isatty.IsTerminal(f.Fd()) {
		human = true
	}
	if human {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: "15:04:05"}
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger()
}
