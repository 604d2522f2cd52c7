package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"doorcode/challenge"
)

// Two providers, of which the first is in trouble: what ops see of them in the running gateway, and after it has stopped.
func TestProviders(t *testing.T) {
	peer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/down" {
			http.Error(w, "maintenance", http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte("OK 1"))
	}))
	t.Cleanup(peer.Close)
	provider := func(name string) string {
		return `{name: ` + name + `, url: "` + peer.URL + `/` + name + `", form: [{name: to, value: "{{.Number}}"}, {name: text, value: "{{.Text}}"}], success: {body: ^OK}}`
	}
	i := install(t, func(dir, gateway string) string {
		writeFile(t, dir+"/users.yaml", "users:\n  - {name: alice, code: sms, mobile: \"+970599123456\"}\n")
		return strings.Replace(gateway, "outbox: outbox", "limits: {sms: {day: 500}}\nsms: ["+provider("down")+", "+provider("up")+"]", 1)
	})
	for range 4 {
		if p := i.login(newSurfer(t, i.address), "alice"); !strings.Contains(p.body, `name="code"`) {
			t.Fatalf("login: %d %s", p.StatusCode, p.body)
		}
	}
	ask := func(args ...string) string {
		t.Helper()
		var out, err strings.Builder
		if status := run(context.Background(), append([]string{"providers", "--config", i.file("gateway.yaml")}, args...), &out, &err); status != 0 {
			t.Fatalf("exit status %d: %s", status, err.String())
		}
		if text := out.String() + err.String(); strings.Contains(text, "599123456") {
			t.Errorf("the number is in it: %s", text)
		}
		return out.String()
	}
	text := ask()
	for _, want := range []string{"rests until ", "works", "status 503", "SMS today: 4 of 500. This month: 4, no limit."} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing:\n%s", want, text)
		}
	}
	if down, up := strings.Index(text, "\ndown "), strings.Index(text, "\nup "); down < 0 || up < down {
		t.Errorf("not in the order in which they are asked:\n%s", text)
	}
	var s sending
	if err := json.Unmarshal([]byte(ask("--json")), &s); err != nil {
		t.Fatal(err)
	}
	if !s.Running || len(s.Providers) != 2 || !s.Providers[0].Resting || s.Providers[1].SentToday != 4 || s.Providers[1].Channel != challenge.SMS || s.SMS.Day != 4 {
		t.Errorf("%+v", s)
	}
	i.stop()
	i.ended <- <-i.ended
	if text := ask(); !strings.Contains(text, "No gateway runs") || !strings.Contains(text, "not asked yet") || !strings.Contains(text, "SMS today: 4 of 500") {
		t.Errorf("without a gateway:\n%s", text)
	}
}
