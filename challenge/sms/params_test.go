package sms

import (
	"net/url"
	"strings"
	"testing"

	"doorcode/challenge/secret"
)

// A param goes where a template stands, encoded for the place, and nothing in it is a template again.
func TestParams(t *testing.T) {
	p := newPeer(t, replies(200, "OK"))
	c := formConfig(t, p.URL+"/{{.Params.account}}/send?k={{.Params.key}}")
	c.Params = map[string]secret.Text{"account": secret.New("a/b?c"), "key": secret.New("x&y=z {{.Text}}")}
	c.Headers = []Param{{Name: "X-Key", Value: template(t, "Key {{.Params.key}}")}}
	c.Form = append(c.Form, Param{Name: "k", Value: template(t, "{{.Params.key}}")})
	if err := newSender(t, c).Send(t.Context(), testMessage()); err != nil {
		t.Fatal(err)
	}
	r := p.only(t)
	form, err := url.ParseQuery(r.body)
	if err != nil {
		t.Fatal(err)
	}
	want := c.Params["key"].Reveal()
	if r.URL.EscapedPath() != "/a%2Fb%3Fc/send" || r.URL.Query().Get("k") != want || form.Get("k") != want || r.Header.Get("X-Key") != "Key "+want {
		t.Errorf("sent %s, form %v, header %q", r.URL, form, r.Header.Get("X-Key"))
	}
}

// What New refuses of params: one that is not there, and one that would begin a header of its own (C4).
func TestThreat_C4_ParamsInHeaders(t *testing.T) {
	c := formConfig(t, "https://sms.example.com")
	c.Headers = []Param{{Name: "X-Key", Value: template(t, "{{.Params.key}}")}}
	if _, err := New(c); err == nil || !strings.Contains(err.Error(), "params: {{.Params.key}} is used, but there is no key among params") {
		t.Errorf("New without the param: %v", err)
	}
	c.Params = map[string]secret.Text{"key": secret.New("hunter2\r\nX-Other: 1")}
	_, err := New(c)
	if err == nil || !strings.Contains(err.Error(), "headers[0]: the value has a line break") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("New with a line break in the param: %v", err)
	}
}
