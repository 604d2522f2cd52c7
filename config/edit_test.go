package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"doorcode/challenge"
)

func val(key, text string) Value { return Value{Key: key, Text: text} }

func TestEdit(t *testing.T) {
	for _, c := range []struct {
		name, before string
		edit         Edit
		after        string
	}{
		{"a value", "users:\n  - name: emil  # the boss\n    code: sms # for now\n    mobile: 0599123456\n",
			Edit{User: "emil", Values: []Value{{Key: "code", Text: "email", Word: true}}},
			"users:\n  - name: emil  # the boss\n    code: email # for now\n    mobile: 0599123456\n"},
		{"a number that was no text gets quotes", "users:\n  - {name: emil, code: sms, mobile: 0599123456} # one\n",
			Edit{User: "emil", Values: []Value{val("mobile", "0599 999999")}},
			"users:\n  - {name: emil, code: sms, mobile: 0599 999999} # one\n"},
		{"digits are quoted", "users:\n  - {name: emil, code: sms, mobile: 0599123456}\n",
			Edit{User: "emil", Values: []Value{val("mobile", "0599999999")}},
			"users:\n  - {name: emil, code: sms, mobile: \"0599999999\"}\n"},
		{"quotes stay", "users:\n- name: 'emil'\n  mobile: '0599123456'  \n  email: \"a@b.example\"",
			Edit{User: "EMIL", Values: []Value{val("mobile", "+970599999999"), val("email", `o"x@b.example`)}},
			"users:\n- name: 'emil'\n  mobile: '+970599999999'  \n  email: \"o\\\"x@b.example\""},
		{"a key that was not there", "users:\n  - name: emil\n    code: sms # c\n\n  # the next\n  - name: b\n",
			Edit{User: "emil", Values: []Value{{Key: "language", Text: "ar", Word: true}}},
			"users:\n  - name: emil\n    code: sms # c\n    language: ar\n\n  # the next\n  - name: b\n"},
		{"with CRLF and BOM, no last line end", "\ufeffusers:\r\n  - name: emil\r\n    code: sms",
			Edit{User: "emil", Values: []Value{{Key: "admin", Text: "true", Word: true}, {Key: "code", Text: "off", Word: true}}},
			"\ufeffusers:\r\n  - name: emil\r\n    code: off\r\n    admin: true"},
		{"BOM and the first line", "\ufeffusers: [{name: emil, code: sms}]\n",
			Edit{User: "emil", Values: []Value{{Key: "code", Text: "email", Word: true}}},
			"\ufeffusers: [{name: emil, code: email}]\n"},
		{"a new user in block style", "users:\n  - name: emil\n    code: off # c\n# the end\n",
			Edit{User: "sami", Values: []Value{{Key: "code", Text: "off", Word: true}, val("mobile", "0599")}},
			"users:\n  - name: emil\n    code: off # c\n  - name: sami\n    code: off\n    mobile: \"0599\"\n# the end\n"},
		{"a new user in flow style", "users:\n  - {name: emil, code: off} # c\n",
			Edit{User: "sami", Values: []Value{{Key: "code", Text: "off", Word: true}}},
			"users:\n  - {name: emil, code: off} # c\n  - {name: sami, code: off}\n"},
		{"a new user in a list in brackets", "users: [{name: emil, code: off}] # c\n",
			Edit{User: "no", Values: []Value{{Key: "code", Text: "off", Word: true}}},
			"users: [{name: emil, code: off}, {name: \"no\", code: off}] # c\n"},
		{"the first user", "defaults: {code: off}\nusers: [] # none\nunlisted: refuse\n",
			Edit{User: "@emil"},
			"defaults: {code: off}\nusers: # none\n  - name: \"@emil\"\nunlisted: refuse\n"},
		{"the first user of a list that is empty", "users:   # none yet\n",
			Edit{User: "emil"}, "users:   # none yet\n  - name: emil\n"},
		{"no list", "unlisted: refuse # all\n", Edit{User: "emil"}, "unlisted: refuse # all\nusers:\n  - name: emil\n"},
		{"no file", "", Edit{User: "emil", Values: []Value{{Key: "code", Text: "off", Word: true}}}, "users:\n  - name: emil\n    code: off\n"},
		{"aliases", "users:\n  - name: emil\n    aliases: [a, b] # c\n", Edit{User: "b", Values: []Value{{Key: "aliases", Add: []string{"b", "null", "d"}}}},
			"users:\n  - name: emil\n    aliases: [a, b, \"null\", d] # c\n"},
		{"aliases one a line", "users:\n  - name: emil\n    aliases:\n      - a # c\n    code: off\n", Edit{User: "emil", Values: []Value{{Key: "aliases", Add: []string{"x: y", "d"}}}},
			"users:\n  - name: emil\n    aliases:\n      - a # c\n      - \"x: y\"\n      - d\n    code: off\n"},
		{"one alias", "users: [{name: emil, aliases: 'a'}]\n", Edit{User: "emil", Values: []Value{{Key: "aliases", Add: []string{"d"}}}},
			"users: [{name: emil, aliases: ['a', d]}]\n"},
		{"no aliases yet", "users: [{name: emil}]\n", Edit{User: "emil", Values: []Value{{Key: "aliases", Add: []string{"d, e"}}}},
			"users: [{name: emil, aliases: [\"d, e\"]}]\n"},
		{"Arabic in front", "users:\n  - {name: أحمد, language: ar, code: sms} # مدير\n", Edit{User: "أحمد", Values: []Value{{Key: "code", Text: "off", Word: true}}},
			"users:\n  - {name: أحمد, language: ar, code: off} # مدير\n"},
		{"a word that is none", "users:\n  - {name: emil, code: off}\n", Edit{User: "emil", Values: []Value{{Key: "code", Text: "off, admin: true", Word: true}}},
			"users:\n  - {name: emil, code: \"off, admin: true\"}\n"},
		{"a tag", "users:\n  - {name: emil, mobile: !!str 0599123456}\n", Edit{User: "emil", Values: []Value{val("mobile", "+97059")}},
			"users:\n  - {name: emil, mobile: \"+97059\"}\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, done, err := c.edit.edit(c.before, challenge.Fold{Case: true})
			if err != nil || got != c.after {
				t.Fatalf("%v\n got %q\nwant %q", err, got, c.after)
			}
			if again, more, err := c.edit.edit(got, challenge.Fold{Case: true}); again != got || len(more.Changes) > 0 || more.New || err != nil {
				t.Errorf("a second time: %q %+v %v", again, more, err)
			}
			if done.New != (c.name == "no file" || strings.Contains(c.name, "user") || c.name == "no list") {
				t.Errorf("new: %v", done.New)
			}
		})
	}
}

func TestRemove(t *testing.T) {
	for _, c := range []struct{ name, before, after string }{
		{"a block", "users:\n  # boss\n  - name: a\n    code: off\n  - name: emil # x\n    code: off # y\n    aliases:\n      - e\n\n  # next\n  - name: b\n", "users:\n  # boss\n  - name: a\n    code: off\n\n  # next\n  - name: b\n"},
		{"the last, no line end, CRLF", "users:\r\n- name: a\r\n- {name: emil, code: off}", "users:\r\n- name: a"},
		{"the only one", "users:\n  - name: emil\nunlisted: off\n", "users:\nunlisted: off\n"},
		{"brackets, first", "users: [{name: emil}, {name: b}] # c\n", "users: [{name: b}] # c\n"},
		{"brackets, last", "users: [{name: a},\n  {name: emil} ]\n", "users: [{name: a} ]\n"},
		{"brackets, only", "users: [ {name: emil} ]\n", "users: [  ]\n"},
	} {
		got, done, err := Edit{User: "EMIL", Remove: true}.edit(c.before, challenge.Fold{Case: true})
		if err != nil || got != c.after || !done.Removed || done.Name != "emil" {
			t.Errorf("%s: %v %+v\n got %q\nwant %q", c.name, err, done, got, c.after)
		}
	}
	for _, before := range []string{"users: []\n", "", "users:\n  -\n    name: emil\n", "users: [{name: a}, # a\n {name: emil}]\n",
		"users: [\n  {name: emil},\n  # the boss\n  {name: b}]\n"} {
		if got, _, err := (Edit{User: "emil", Remove: true}).edit(before, challenge.Fold{}); err == nil {
			t.Errorf("%q became %q", before, got)
		}
	}
}

// Whoever is taken out is gone, and the others are as they were.
func TestRemoveChangesNobodyElse(t *testing.T) {
	s := sendable(t)
	rapid.Check(t, func(t *rapid.T) {
		text, users := written(t)
		name := rapid.SampledFrom(users).Draw(t, "user")
		before, _ := read2(s, text)
		got, _, err := Edit{User: name, Remove: true}.edit(text, s.Fold)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		after, found := read2(s, got)
		if found.Err() != nil {
			t.Fatalf("%q\nbecame %q\n%v", text, got, found)
		}
		before.Users = slices.DeleteFunc(slices.Clone(before.Users), func(u challenge.User) bool { return u.Name == name })
		if plain(after) != plain(before) {
			t.Fatalf("%q\nbecame %q\n got %s\nwant %s", text, got, plain(after), plain(before))
		}
		if removed, added := difference(text, got); added != "" || strings.Count(text, "#")-strings.Count(got, "#") > strings.Count(removed, "#") {
			t.Fatalf("%q\nbecame %q\nby %q for %q", text, got, added, removed)
		}
	})
}

func TestEditByHand(t *testing.T) {
	for _, c := range []struct{ before, want string }{
		{"users:\n  - name: emil\n    email: >\n      a@b.example\n", "line 3: this value goes over several lines"},
		{"users:\n  - name: emil\n    email: [a]\n", "line 3: email is not one value"},
		{"users:\n  - name: emil\n    email:\n", "line 3: email is empty"},
		{"users: {emil: x}\n", "line 1: users is no list"},
	} {
		if got, _, err := (Edit{User: "emil", Values: []Value{val("email", "e@b.example")}}).edit(c.before, challenge.Fold{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %q %v, want %s", c.before, got, err, c.want)
		}
	}
}

// written draws users.yaml as people write it, and which user it has.
func written(t *rapid.T) (text string, users []string) {
	nl := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "line end")
	comment := func(l string) string {
		return rapid.SampledFrom([]string{"", "", " # note: {a, b]", "   #", " # مدير 'x'"}).Draw(t, l)
	}
	quote := func(s string) string {
		return rapid.SampledFrom([]string{s, `"` + s + `"`, "'" + s + "'"}).Draw(t, "quotes of "+s)
	}
	var b strings.Builder
	b.WriteString(rapid.SampledFrom([]string{"", "\ufeff", "# top" + nl, nl}).Draw(t, "top"))
	if rapid.Bool().Draw(t, "defaults") {
		b.WriteString("defaults: {remember: 30d}" + comment("of defaults") + nl)
	}
	b.WriteString("users:" + comment("of users") + nl)
	indent := strings.Repeat(" ", rapid.IntRange(0, 3).Draw(t, "indent"))
	n := rapid.IntRange(1, 4).Draw(t, "users")
	for i := range n {
		name := []string{"emil", "أحمد", "b.c@d.example", "x y"}[i]
		users = append(users, name)
		pairs := []string{"name: " + quote(name), "code: " + quote("both"), fmt.Sprintf("mobile: %s", quote(fmt.Sprintf("059912345%d", i))), "email: " + quote("a@b.example")}
		for _, more := range []string{"language: ar", "remember: never", "admin: true", "aliases: [" + fmt.Sprint("p", i) + ", " + quote(fmt.Sprint("r", i)) + "]"} {
			if rapid.Bool().Draw(t, more) {
				pairs = append(pairs, more)
			}
		}
		if rapid.Bool().Draw(t, "flow") {
			b.WriteString(indent + "- {" + strings.Join(pairs, rapid.SampledFrom([]string{", ", ",", " , ", "," + nl + indent + "   "}).Draw(t, "comma")) + "}" + comment("behind"))
		} else {
			for j, p := range pairs {
				b.WriteString(map[bool]string{true: indent + "- ", false: nl + indent + "  "}[j == 0] + p + comment("behind"))
			}
		}
		if i < n-1 || rapid.Bool().Draw(t, "last line end") {
			b.WriteString(nl + rapid.SampledFrom([]string{"", "", nl, indent + "# between" + nl}).Draw(t, "between"))
		}
	}
	return b.String(), users
}

// Whatever the file looks like: after an edit it holds what it held with that one change, and every byte but those of the value is the same.
func TestEditChangesOneValue(t *testing.T) {
	s := sendable(t)
	rapid.Check(t, func(t *rapid.T) {
		text, users := written(t)
		name := rapid.SampledFrom(append(users, "new one")).Draw(t, "user")
		fresh := name == "new one"
		edit := Edit{User: name, Values: []Value{rapid.SampledFrom([]Value{
			{Key: "code", Text: "off", Word: true}, val("mobile", "0599888777"), val("mobile", "+970 599 888 777"), val("email", "o@b.example"),
			{Key: "language", Text: "en", Word: true}, {Key: "remember", Text: "7d", Word: true}, {Key: "admin", Text: "false", Word: true},
			{Key: "disabled", Text: "true", Word: true}, {Key: "aliases", Add: []string{"no"}}, {Key: "aliases", Add: []string{"a, b", "#c"}},
		}).Draw(t, "value")}}
		if fresh {
			edit.Values = append([]Value{{Key: "code", Text: "off", Word: true}}, edit.Values...)
		}
		before, found := read2(s, text)
		if found.Err() != nil {
			t.Fatalf("%q: %v", text, found)
		}
		got, done, err := edit.edit(text, s.Fold)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		after, found := read2(s, got)
		if found.Err() != nil {
			t.Fatalf("%q\nbecame %q\n%v", text, got, found)
		}
		want := before
		want.Users = append([]challenge.User(nil), before.Users...)
		if fresh {
			want.Users = append(want.Users, newUser(before, name))
		}
		for i := range want.Users {
			if want.Users[i].Name == name {
				applyTo(&want.Users[i], edit)
			}
		}
		if !reflect.DeepEqual(plain(after), plain(want)) {
			t.Fatalf("%q\nbecame %q\n got %+v\nwant %+v", text, got, plain(after), plain(want))
		}
		removed, added := difference(text, got)
		if len(done.Changes) == 0 && got != text || !fresh && strings.Contains(removed, "\n") || len(removed) > 20 || len(added) > 80 {
			t.Fatalf("%q\nbecame %q\nby %q for %q", text, got, added, removed)
		}
	})
}

// difference is what stands between the first and the last byte that differ.
func difference(a, b string) (removed, added string) {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	a, b = a[i:], b[i:]
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return a, b
}

func read2(s *Settings, text string) (challenge.PolicyConfig, Problems) {
	r := &reader{file: "users.yaml"}
	c := r.policy(r.parse([]byte(text)), s)
	return c, r.found
}

func newUser(c challenge.PolicyConfig, name string) challenge.User {
	return challenge.User{Name: name, Remember: c.Defaults.Remember, Language: c.Defaults.Language, Code: c.Defaults.Code}
}

func applyTo(u *challenge.User, e Edit) {
	for _, v := range e.Values {
		switch v.Key {
		case "code":
			u.Code = challenge.Code(v.Text)
		case "mobile":
			u.Mobile, _, _ = mobile(v.Text, "PS")
		case "email":
			u.Email, _ = emailAddress(v.Text)
		case "language":
			u.Language = v.Text
		case "remember":
			u.Remember, _ = remember(v.Text)
		case "admin":
			u.Admin = v.Text == "true"
		case "disabled":
			u.Disabled = v.Text == "true"
		case "aliases":
			u.Aliases = append(append([]string(nil), u.Aliases...), v.Add...)
		}
	}
}

// plain is a policy that can be compared: without places, and with destinations as texts.
func plain(c challenge.PolicyConfig) string {
	var b strings.Builder
	for _, u := range c.Users {
		mobile, email := u.Mobile.Reveal(), u.Email.Reveal()
		u.Place, u.Places, u.Mobile, u.Email = "", challenge.Places{}, challenge.User{}.Mobile, challenge.User{}.Email
		if len(u.Aliases) == 0 {
			u.Aliases = nil
		}
		fmt.Fprintf(&b, "%+v %s %s\n", u, mobile, email)
	}
	fmt.Fprintf(&b, "%s %v %s", c.Unlisted, c.Defaults.Remember, c.Defaults.Code)
	return b.String()
}

// saved is users.yaml in a folder with gateway.yaml.
func saved(t *testing.T, text string) (gateway string, s *Settings) {
	t.Helper()
	gateway = write(t, "gateway.yaml", "x")
	s = sendable(t)
	s.Policy = filepath.Join(filepath.Dir(gateway), "users.yaml")
	if text != "" {
		if err := os.WriteFile(s.Policy, []byte(text), 0o604); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(s.Policy, 0o604); err != nil {
			t.Fatal(err)
		}
	}
	return gateway, s
}

func TestSave(t *testing.T) {
	const before = "users:\n  - {name: emil, code: sms, mobile: 0599123456} # boss\n"
	gateway, s := saved(t, before)
	if os.Getuid() == 0 {
		if err := os.Chown(s.Policy, 1234, 4321); err != nil {
			t.Fatal(err)
		}
	}
	owner, _ := os.Stat(s.Policy)
	link := s.Policy + ".link"
	if err := os.Symlink(s.Policy, link); err != nil {
		t.Fatal(err)
	}
	path := s.Policy
	s.Policy = link

	if _, err := (Edit{User: "emil", Values: []Value{{Key: "code", Text: "sideways", Word: true}}}).Save(gateway, s); !isRefused(err) {
		t.Errorf("a fault: %v", err)
	}
	if _, err := (Edit{User: "emil", Values: []Value{val("email", "a\nb: c")}}).Save(gateway, s); err == nil || !strings.Contains(err.Error(), "line break") {
		t.Errorf("a line break: %v", err)
	}
	// What comes over the socket is no more trusted than what is typed.
	for _, key := range []string{"admin: true, x", "x\n  - name", "", "name"} {
		if _, err := (Edit{User: "emil", Values: []Value{{Key: key, Text: "true", Word: true}}}).Save(gateway, s); err == nil {
			t.Errorf("the key %q was written", key)
		}
	}
	if text, _ := os.ReadFile(path); string(text) != before {
		t.Fatalf("a refused edit wrote %q", text)
	}
	done, err := Edit{User: "emil", Values: []Value{val("email", "e@b.example")}}.Save(gateway, s)
	if err != nil || done.New || len(done.Changes) != 1 {
		t.Fatalf("%+v %v", done, err)
	}
	text, _ := os.ReadFile(path)
	if want := strings.Replace(before, "}", ", email: e@b.example}", 1); string(text) != want {
		t.Errorf("wrote %q", text)
	}
	if info, _ := os.Lstat(link); info.Mode().Type() != fs.ModeSymlink {
		t.Error("the link is gone")
	}
	info, _ := os.Stat(path)
	if info.Mode() != 0o604 || ownerOf(info) != ownerOf(owner) {
		t.Errorf("mode %v, owner %v, want %v", info.Mode(), ownerOf(info), ownerOf(owner))
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".users*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func isRefused(err error) bool {
	_, ok := errors.AsType[*Refused](err)
	return ok
}

func TestSaveMakesTheFile(t *testing.T) {
	gateway, s := saved(t, "")
	done, err := Edit{User: "emil", Values: []Value{{Key: "code", Text: "off", Word: true}}}.Save(gateway, s)
	if err != nil || !done.New {
		t.Fatalf("%+v %v", done, err)
	}
	if info, err := os.Stat(s.Policy); err != nil || info.Mode() != 0o640 {
		t.Errorf("%v %v", info, err)
	}
	if policy, found := LoadPolicy(s.Policy, s); policy == nil {
		t.Error(found)
	}
}

// Who is overtaken by another writer is told, and the other's text stays.
func TestSaveOvertaken(t *testing.T) {
	gateway, s := saved(t, "users:\n  - {name: emil, code: off}\n")
	e, err := openEdited(s.Policy)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (Edit{User: "emil", Values: []Value{val("email", "e@b.example")}}).Save(gateway, s); !errors.Is(err, ErrChanged) {
		t.Errorf("a second command meanwhile: %v", err)
	}
	const others = "users:\n  - {name: emil, code: off} \n"
	if err := os.WriteFile(s.Policy, []byte(others), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := e.replace(s.Policy, gateway, []byte("users: []\n")); !errors.Is(err, ErrChanged) {
		t.Errorf("an editor meanwhile: %v", err)
	}
	e.close()
	none := new(edited)
	if err := none.replace(s.Policy, gateway, []byte("users: []\n")); !errors.Is(err, ErrChanged) {
		t.Errorf("a file made meanwhile: %v", err)
	}
	if text, _ := os.ReadFile(s.Policy); string(text) != others {
		t.Errorf("the file holds %q", text)
	}
}
