package config

import (
	"slices"
	"testing"

	"doorcode/gateway"
	"doorcode/gateway/submit"
)

const scriptedYAML = `listen: {address: ":8080", insecure: true}
public_url: https://books.example.com
trusted_proxies: [127.0.0.1]
upstream: {url: "http://127.0.0.1:8081"}
outbox: outbox
login:
  page: /
  path: /session
  confirm: {url: /me, signed_in: signedIn}
  failure: {any: [{body: wrong}]}
`

// What is written about a script's login arrives at the gateway, and what is not has its values.
func TestScriptLogin(t *testing.T) {
	s, found := Load(write(t, "gateway.yaml", scriptedYAML+`  type: json
  user: "{{/user/company}}/{{/user/name}}"
  password: /user/pass
  fixed: {/user/domain: main}
  prepare: /csrf
  headers: [{name: X-XSRF-TOKEN, cookie: XSRF-TOKEN}, {name: X-Client, value: web}]
`), fileOnly)
	if s == nil {
		t.Fatal(found)
	}
	g := s.Gateway
	users, password := g.Login.Fields.Names()
	if !g.Login.Fields.JSON || !slices.Equal(users, []string{"user[company]", "user[name]"}) || password != "user[pass]" {
		t.Errorf("fields %q, %q, JSON %v", users, password, g.Login.Fields.JSON)
	}
	if !slices.Equal(g.Credentials[0].Users, users) || g.Credentials[0].Password != password {
		t.Errorf("credentials %+v", g.Credentials)
	}
	want := []submit.Header{{Name: "X-XSRF-TOKEN", Cookie: "XSRF-TOKEN"}, {Name: "X-Client", Value: "web"}}
	if !slices.Equal(g.Login.Headers, want) || g.Login.Prepare != "/csrf" || g.Login.Fixed[0].Name != "user[domain]" {
		t.Errorf("headers %+v, prepare %q, fixed %+v", g.Login.Headers, g.Login.Prepare, g.Login.Fixed)
	}
	if g.Scripts == nil || g.Scripts.Status != 401 || g.Scripts.Type != "application/json" || g.Scripts.Body != "" || g.Scripts.Members {
		t.Errorf("script_answer %+v", g.Scripts)
	}

	form := scriptedYAML + "  user: username\n  password: password\n"
	for _, c := range []struct {
		more    string
		want    *gateway.ScriptAnswer
		charset string
	}{
		{"", nil, "utf-8"},
		{"  charset: Windows-1256\n", nil, "windows-1256"},
		{"  script_answer: {status: 200, type: text/plain, body: ok, members: same}\n", &gateway.ScriptAnswer{Status: 200, Type: "text/plain", Body: "ok"}, "utf-8"},
	} {
		s, found := Load(write(t, "gateway.yaml", form+c.more), fileOnly)
		if s == nil {
			t.Fatal(found)
		}
		got := s.Gateway.Scripts
		if (got == nil) != (c.want == nil) || got != nil && *got != *c.want || s.Gateway.Login.Fields.Charset() != c.charset {
			t.Errorf("%q: %+v, %s", c.more, got, s.Gateway.Login.Fields.Charset())
		}
	}
}
