// Package outbox writes messages into a folder instead of sending them, for trying out. Whoever can read the folder can read
// every code: files have mode 0600, and nobody should run a real door with it.
package outbox

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"doorcode/challenge"
)

// Suffix ends the name of every finished message; a file that is still being written has another.
const Suffix = ".txt"

// Outbox is a challenge.Sender for one channel. It is safe for concurrent use, also of several gateways in one folder.
type Outbox struct {
	dir     string
	channel challenge.Channel
	now     func() time.Time
}

var _ challenge.Sender = (*Outbox)(nil)

// New makes dir with mode 0700 where it is missing and returns the sender of one channel.
func New(dir string, channel challenge.Channel, now func() time.Time) (*Outbox, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	return &Outbox{dir, channel, now}, nil
}

// Send writes m as a file of its own, named by time and channel, which appears whole or not at all.
func (o *Outbox) Send(ctx context.Context, m challenge.Message) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	at := o.now().UTC()
	// The random part keeps two messages of one millisecond apart.
	name := fmt.Sprintf("%s-%s-%s", at.Format("20060102T150405.000Z"), o.channel, rand.Text()[:8])
	if err := o.put(name, o.page(m, at)); err != nil {
		return fmt.Errorf("outbox: %w: %w", challenge.ErrNotAccepted, err) // names a file, nothing of the message
	}
	return nil
}

// put writes a file under a name that nobody looks at and renames it.
func (o *Outbox) put(name, content string) error {
	unfinished := filepath.Join(o.dir, "."+name+".part")
	f, err := os.OpenFile(unfinished, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(unfinished, filepath.Join(o.dir, name+Suffix))
	}
	if err != nil {
		os.Remove(unfinished)
	}
	return err
}

// page writes m for a person: headers, an empty line, the text, and the HTML part behind a line of its own.
func (o *Outbox) page(m challenge.Message, at time.Time) string {
	var b strings.Builder
	header := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, oneLine(value))
		}
	}
	header("Channel", string(o.channel))
	header("To", m.To.Reveal())
	header("Date", at.Format(time.RFC3339))
	header("Language", m.Language)
	header("ID", m.ID)
	header("Subject", m.Subject.Reveal())
	fmt.Fprintf(&b, "\n%s\n", strings.TrimRight(m.Text.Reveal(), "\n"))
	if !m.HTML.Empty() {
		fmt.Fprintf(&b, "\n%s\n%s\n", HTMLLine, strings.TrimRight(m.HTML.Reveal(), "\n"))
	}
	return b.String()
}

// HTMLLine stands between the text and the HTML part of a message.
const HTMLLine = "---- HTML ----"

// oneLine keeps a value from beginning a header of its own.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}
