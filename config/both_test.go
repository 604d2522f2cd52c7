package config

import (
	"os"
	"path/filepath"
	"testing"
)

// A gateway.yaml with faults does not keep those of users.yaml from being said, and users are not blamed for what it left out.
func TestLoadBoth(t *testing.T) {
	const whole = `listen: {address: ":8080", insecure: true}
public_url: http://127.0.0.1:8080
upstream: {url: "http://127.0.0.1:8081"}
login: {page: /l, path: /l, user: u, password: p, failure: {any: [{body: wrong}]}, confirm: {url: /me, signed_in: out}}
country: PS
email: {server: "smtp://mail.example.com:587", from: "a@example.com"}
`
	const user = `users: [{name: emil, code: email, email: emil@books.example, language: ar}]` + "\n"
	tests := []struct {
		name, gateway, users string
		want                 []string
	}{
		{"both whole", whole, user, nil},
		{"both with a fault", whole + "colour: red\n", "unlisted: maybe\n" + user, []string{"gateway.yaml:7", "users.yaml:1"}},
		{"users alone", whole, "unlisted: maybe\n" + user, []string{"users.yaml:1"}},
		{"email cannot be read", whole + "email_: 1\nsms: 1\n", user + "  \n", []string{"gateway.yaml:7", "gateway.yaml:8"}},
		{"templates are missing", whole + "templates: nowhere\n", user, []string{"gateway.yaml:7"}},
		{"users elsewhere and not there", whole + "policy: other.yaml\ncolour: red\n", user, []string{"gateway.yaml:8", "other.yaml"}},
		{"gateway is no YAML", "[", "unlisted: maybe\n", []string{"gateway.yaml:2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{"gateway.yaml": tt.gateway, "users.yaml": tt.users} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s, p, found := LoadBoth(filepath.Join(dir, "gateway.yaml"), Overrides{FileOnly: true})
			if whole := tt.want == nil; (s != nil) != whole || (p != nil) != whole {
				t.Errorf("settings %v, policy %v, want both or none: %v", s != nil, p != nil, whole)
			}
			var got []string
			for _, one := range found {
				one.File, one.Column = filepath.Base(one.File), 0
				got = append(got, one.place())
			}
			if len(got) != len(tt.want) {
				t.Fatalf("found\n%v\nwant places %q", found, tt.want)
			}
			for i := range got {
				if got[i] != tt.want[i] {
					t.Errorf("problem %d at %s, want %s", i, found[i], tt.want[i])
				}
			}
		})
	}
}
