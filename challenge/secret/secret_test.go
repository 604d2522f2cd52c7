package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

const code = "493027"

// shows fails if the text has the secret in it, in any spelling that fmt or an encoder might give it.
func shows(t *testing.T, how, text string) {
	t.Helper()
	for _, spelling := range []string{code, fmt.Sprintf("%x", code), strings.Trim(fmt.Sprint([]byte(code)), "[]"), "NDkzMDI3" /* base64 */} {
		if strings.Contains(text, spelling) {
			t.Errorf("%s shows the secret: %s", how, text)
		}
	}
}

func TestFmt(t *testing.T) {
	s := New(code)
	type outer struct {
		Exported   Text
		unexported Text // fmt calls no method of these
		deep       struct{ texts []Text }
		byName     map[string]Text
	}
	holder := outer{Exported: s, unexported: s, byName: map[string]Text{"code": s}}
	holder.deep.texts = []Text{s}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%10v", "%-10.2s"} {
		for _, v := range []any{s, &s, []Text{s}, map[string]Text{"code": s}, holder, &holder, any(s), fmt.Errorf("send: %v", s)} {
			shows(t, fmt.Sprintf("%s of %T", verb, v), fmt.Sprintf(verb, v))
		}
	}
	for verb, want := range map[string]string{
		"%v": Redacted, "%+v": Redacted, "%#v": Redacted, "%s": Redacted,
		"%q": `"` + Redacted + `"`, "%x": fmt.Sprintf("%x", Redacted),
	} {
		for _, v := range []any{s, &s} {
			if got := fmt.Sprintf(verb, v); got != want {
				t.Errorf("%s of %T: got %s, want %s", verb, v, got, want)
			}
		}
	}
	if got := fmt.Sprint(s, New(""), Text{}); got != strings.Repeat(Redacted+" ", 2)+Redacted {
		t.Errorf("got %q: an empty secret must look like any other", got)
	}
}

func TestErrors(t *testing.T) {
	s := New(code)
	err := errors.Join(fmt.Errorf("number %s", s), fmt.Errorf("number %v: %w", []Text{s}, errors.New("refused")))
	shows(t, "an error", fmt.Sprintf("%v %+v %#v", err, err, err))
	if !strings.Contains(err.Error(), Redacted) {
		t.Errorf("got %q, want %s in it", err, Redacted)
	}
}

func TestEncoders(t *testing.T) {
	s := New(code)
	text, err := json.Marshal(map[string]any{"code": s, "pointer": &s, "list": []Text{s}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(text), `{"code":"[redacted]","list":["[redacted]"],"pointer":"[redacted]"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if text, err := json.Marshal(map[Text]int{s: 1}); err != nil || string(text) != `{"[redacted]":1}` {
		t.Errorf("as a key: got %s (error %v)", text, err)
	}
	text, err = json.Marshal(struct {
		hidden Text
		Shown  int
	}{s, 1})
	if err != nil || string(text) != `{"Shown":1}` {
		t.Errorf("unexported: got %s (error %v)", text, err)
	}
}

func TestZerolog(t *testing.T) {
	s := New(code)
	var json, human bytes.Buffer
	for _, log := range []zerolog.Logger{zerolog.New(&json), zerolog.New(zerolog.ConsoleWriter{Out: &human, NoColor: true})} {
		log.Error().Stringer("stringer", s).Any("any", s).Interface("list", []Text{s}).Type("type", s).
			Interface("struct", struct{ hidden Text }{s}).Err(fmt.Errorf("send %s", s)).Msgf("%v %+v", s, struct{ hidden Text }{s})
	}
	for how, got := range map[string]string{"JSON": json.String(), "console": human.String()} {
		shows(t, how, got)
		if strings.Count(got, Redacted) < 5 {
			t.Errorf("%s: got %s, want the fields redacted", how, got)
		}
	}
}

func TestReveal(t *testing.T) {
	for want, s := range map[string]Text{code: New(code), "": {}} {
		if got := s.Reveal(); got != want || s.Empty() != (want == "") {
			t.Errorf("got %q, empty %v; want %q", got, s.Empty(), want)
		}
	}
	if !New("").Empty() {
		t.Error("New(\"\") is not empty")
	}
}
