package submit

import (
	"strings"
	"testing"

	"doorcode/gateway/reading"
)

func loginFields(t testing.TB, user, password string) reading.LoginFields {
	t.Helper()
	f, err := reading.ParseLoginFields(user, password)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestLoginForm(t *testing.T) {
	fields := loginFields(t, "user", "pass")
	for _, c := range []struct{ name, page, want string }{
		{"plain", `<form><input type=hidden name=t value=1><input name=user><input name=pass type=password></form>`, "t=1"},
		{"entities, case, quotes", `<FORM><INPUT TYPE='Hidden' NAME="t" VALUE="a&amp;b&quot;"><input name=user><input name=pass></FORM>`, `t=a&b"`},
		{"form inside a table", `<table><form action=x><tr><td><input type=hidden name=t value=1></td></tr><tr><td><input name=user><input name=pass></td></tr></form></table>`, "t=1"},
		{"search form first", `<form><input name=q><input type=hidden name=s value=2></form><form><input type=hidden name=t value=1><input name=user><input name=pass></form>`, "t=1"},
		{"register form first", `<form><input name=pass><input type=hidden name=r value=1></form><form><input name=user><input name=pass><input type=hidden name=t value=1></form>`, "t=1"},
		{"password alone", `<form><input name=pass><input type=hidden name=t value=1></form>`, "t=1"},
		{"form inside a form", `<form><input type=hidden name=t value=1><form><input name=user><input name=pass></form><input type=hidden name=u value=1>`, "t=1"},
		{"form attribute", `<form id=f></form><input form=f type=hidden name=t value=1><input form=f name=user><input form=f name=pass>`, "t=1"},
		{"box with a hidden default", `<form><input type=hidden name=keep value=0><input type=checkbox name=keep value=1><input name=user><input name=pass></form>`, ""},
		{"disabled, nameless", `<form><input type=hidden name=t value=1 disabled><input type=hidden value=2><input name=user><input name=pass></form>`, ""},
		{"in a script, a comment, without scripts", `<form><script>'<input type=hidden name=a value=1>'</script><!-- <input type=hidden name=b> --><noscript><input type=hidden name=c></noscript><input name=user><input name=pass></form>`, ""},
		{"no form", `<input name=user><input name=pass>`, "none"},
		{"other form", `<form><input name=user><input type=hidden name=t value=1></form>`, "none"},
	} {
		got := "none"
		if f := loginForm(forms(c.page), fields); f != nil {
			var pairs []string
			for _, h := range f.hidden() {
				pairs = append(pairs, h.name+"="+h.value)
			}
			got = strings.Join(pairs, " ")
		}
		if got != c.want {
			t.Errorf("%s: hidden fields %q, want %q", c.name, got, c.want)
		}
	}
}

// What an application could read as a fixed field is not left in the query either.
func TestFixedQuery(t *testing.T) {
	c := Config{Fixed: []reading.Value{{Name: "server", Value: "1"}, {Name: "my_db", Value: "x"}}}
	for _, q := range []struct{ raw, want string }{
		{"", ""},
		{"a=1&b=%2F;x", "a=1&b=%2F;x"},
		{"a=1&server=evil&b=2", "a=1&b=2"},
		{"SERVER=evil", ""},
		{"+server%5B%5D=evil&ser%76er%00x=evil", ""},
		{"my.db=evil&my+db", ""},
		{"servers=3&xserver", "servers=3&xserver"},
	} {
		if got := c.query(q.raw); got != q.want {
			t.Errorf("query(%q) = %q, want %q", q.raw, got, q.want)
		}
	}
	if got := (Config{}).query("server=1&&"); got != "server=1&&" {
		t.Errorf("without fixed fields: %q, want the query as it came", got)
	}
}

func FuzzForms(f *testing.F) {
	f.Add(`<table><form id=a><input type=hidden name=t value=1><input name=pass></form>`)
	f.Add(`<form id=f></form><input form=f name=pass><select name=x><textarea name=`)
	f.Fuzz(func(t *testing.T, page string) {
		for _, form := range forms(page) {
			for _, h := range form.hidden() {
				if !h.hidden || h.name == "" {
					t.Fatalf("%q: hidden field %+v", page, h)
				}
			}
		}
	})
}
