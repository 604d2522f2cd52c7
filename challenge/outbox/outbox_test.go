package outbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"doorcode/challenge"
	"doorcode/challenge/secret"
)

func clock() time.Time { return time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.FixedZone("Hebron", 2*3600)) }

func newOutbox(t *testing.T, dir string, channel challenge.Channel) *Outbox {
	t.Helper()
	o, err := New(dir, channel, clock)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// files returns the paths of the messages in dir, and fails on anything else there.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), Suffix) || strings.HasPrefix(e.Name(), ".") {
			t.Errorf("unexpected file %s", e.Name())
		}
		info, err := e.Info()
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has mode %v, %v, want 0600", e.Name(), info.Mode(), err)
		}
		paths = append(paths, filepath.Join(dir, e.Name()))
	}
	return paths
}

func TestSend(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "outbox")
	o := newOutbox(t, dir, challenge.Email)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v, %v, want 0700", info.Mode(), err)
	}
	m := challenge.Message{
		To: secret.New("ahmad@example.ps"), Subject: secret.New("Code\r\nTo: mallory@example.com"), Language: "ar", ID: "m1",
		Text: secret.New("رمز الدخول: 123456\n@books.example.ps #123456\n"), HTML: secret.New("<p>123456</p>"),
	}
	if err := o.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	all := files(t, dir)
	if len(all) != 1 || !strings.HasPrefix(filepath.Base(all[0]), "20260304T030607.089Z-email-") {
		t.Fatalf("files %v", all)
	}
	got, err := os.ReadFile(all[0])
	if err != nil {
		t.Fatal(err)
	}
	want := `Channel: email
To: ahmad@example.ps
Date: 2026-03-04T03:06:07Z
Language: ar
ID: m1
Subject: Code  To: mallory@example.com

رمز الدخول: 123456
@books.example.ps #123456

---- HTML ----
<p>123456</p>
`
	if string(got) != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestSMS(t *testing.T) {
	dir := t.TempDir()
	m := challenge.Message{To: secret.New("+970599123456"), Text: secret.New("123456")}
	if err := newOutbox(t, dir, challenge.SMS).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(files(t, dir)[0])
	if want := "Channel: sms\nTo: +970599123456\nDate: 2026-03-04T03:06:07Z\n\n123456\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

// Messages of one moment do not overwrite each other.
func TestMany(t *testing.T) {
	dir := t.TempDir()
	var senders sync.WaitGroup
	for i := range 50 {
		senders.Go(func() {
			o, err := New(dir, challenge.SMS, clock)
			if err == nil {
				err = o.Send(context.Background(), challenge.Message{Text: secret.New(fmt.Sprint(i))})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	senders.Wait()
	if got := len(files(t, dir)); got != 50 {
		t.Errorf("%d files, want 50", got)
	}
}

func TestTrouble(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(file, challenge.SMS, clock); err == nil {
		t.Error("New took a file for a folder")
	}
	gone := filepath.Join(dir, "gone")
	o := newOutbox(t, gone, challenge.SMS)
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	m := challenge.Message{To: secret.New("+970599123456"), Text: secret.New("code 123456")}
	err := o.Send(t.Context(), m)
	if !errors.Is(err, os.ErrNotExist) || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, m), "123456") {
		t.Errorf("Send: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := newOutbox(t, gone, challenge.SMS).Send(ctx, m); !errors.Is(err, context.Canceled) || len(files(t, gone)) != 0 {
		t.Errorf("Send: %v", err)
	}
}
