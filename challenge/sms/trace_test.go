package sms

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"doorcode/challenge"
	"doorcode/challenge/secret"
)

// A trace says what went to and fro, and nothing that must not be seen, whatever was sent and whatever came back (C12).
func TestThreat_C12_Trace(t *testing.T) {
	p := newPeer(t, replies(400, "Err 7 "+testNumber+" "+testText+" "+testPassword+" "+testKey))
	c := formConfig(t, p.URL+"/v1/{{.Params.account}}/send?short=abc&"+"{{.ID}}")
	c.Params = map[string]secret.Text{"account": secret.New(testKey), "k": secret.New("pin")}
	c.Query = []Param{{Name: "pass word", Secret: secret.New("short")}, {Name: "p", Value: template(t, "{{.Params.k}}")}, {Name: "text", Value: template(t, "{{.Text}}")}}
	c.Form = append(c.Form, Param{Name: "type", Value: template(t, "{{.Type}}")})
	c.Encoding = Encoding{GSM: "0", Unicode: "2"}
	e, err := newSender(t, c).Trace(t.Context(), testMessage())
	if !errors.Is(err, challenge.ErrNotAccepted) {
		t.Errorf("Trace: %v", err)
	}
	if want := "POST " + p.URL + "/v1/…/send?short=…&…&pass word=…&p=…&text=…"; e.Request != want {
		t.Errorf("request %q, want %q", e.Request, want)
	}
	if want := []string{"user", "pass", "to", "msg", "type"}; !slices.Equal(e.Fields, want) || e.Type != "0" || e.Number != "9705••••••56" {
		t.Errorf("%+v, want the fields %v", e, want)
	}
	if e.Status != 400 || !strings.HasPrefix(e.Answer, "Err 7 …") {
		t.Errorf("status %d, answer %q", e.Status, e.Answer)
	}
	all := fmt.Sprintf("%+v", e)
	noSecret(t, "trace", all)
	for _, hidden := range []string{"abc", "pin", "=short", "msg-1"} {
		if strings.Contains(all, hidden) {
			t.Errorf("the trace shows %q: %s", hidden, all)
		}
	}
}

func TestTraceOfJSON(t *testing.T) {
	p := newPeer(t, replies(200, "OK"))
	c := formConfig(t, p.URL)
	body, err := NewJSON(map[string]any{"to": []any{"{{.Number}}"}, "a/b": map[string]any{"text": "{{.Text}}", "key": secret.New(testKey)}, "n": 5})
	if err != nil {
		t.Fatal(err)
	}
	c.Form, c.JSON = nil, body
	e, err := newSender(t, c).Trace(t.Context(), testMessage())
	if want := []string{"/a~1b/key", "/a~1b/text", "/n", "/to/0"}; err != nil || !slices.Equal(e.Fields, want) {
		t.Errorf("Trace: %v, fields %v, want %v", err, e.Fields, want)
	}
}

func TestHiddenMiddle(t *testing.T) {
	for number, want := range map[string]string{
		"+970599123456": "+9705••••••56", "970599123456": "9705••••••56", "00970599123456": "009705••••••56", "0599123456": "0•••••••••",
		"+12025550123": "+1202•••••23", "123": "•••", "": "",
	} {
		if got := hiddenMiddle(number); got != want {
			t.Errorf("hiddenMiddle(%q) = %q, want %q", number, got, want)
		}
	}
}
