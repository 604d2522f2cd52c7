package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"doorcode/config"
)

// How the program speaks: "error:" says what is wrong, "hint:" what to type instead. Problems of a file stand one a line, with
// their place first, so that editors can jump to it.

func sayError(w io.Writer, err error) {
	var problems config.Problems
	if errors.As(err, &problems) {
		fmt.Fprintln(w, problems.Error())
		return
	}
	fmt.Fprintln(w, "error:", err)
	var h hinted
	if errors.As(err, &h) {
		fmt.Fprintln(w, "hint:", h.hint)
	}
	var wrong usageError
	if errors.As(err, &wrong) {
		fmt.Fprintln(w, "hint: doorcode --help lists the commands, doorcode COMMAND --help their flags")
	}
}

// hinted is an error with what to do about it.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

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
