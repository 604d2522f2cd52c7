package reading

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseLoginFields(t *testing.T) {
	good := []struct {
		user, password string
		users          []string
	}{
		{"username", "password", []string{"username"}},
		{"{{company}}/{{user}}", "password", []string{"company", "user"}},
		{"{{ user }}@example.com", "pass", []string{"user"}},
		{"user[name]", "user[password]", []string{"user[name]"}},
		{"user.name", "pw", []string{"user.name"}},
	}
	for _, test := range good {
		f, err := ParseLoginFields(test.user, test.password)
		users, password := f.Names()
		if err != nil || !slices.Equal(users, test.users) || password != test.password {
			t.Errorf("ParseLoginFields(%q, %q) = %q, %q, %v", test.user, test.password, users, password, err)
		}
	}
	bad := []struct{ user, password, says string }{
		{"", "password", "no name"},
		{"user", "", "no name"},
		{"user", " ", "no name"},
		{"us\ner", "password", "no name"},
		{"[x]", "password", "no name"},
		{"{{}}", "password", "no name"},
		{"{{user", "password", "without }}"},
		{"user}}", "password", "without {{"},
		{"{{a{{b}}", "password", "without }}"},
		{"{{a}}{{b}}", "password", "text between"},
		{"{{a}}/{{a}}", "password", "are one"},
		{"user", "USER", "are one"},
		{"login", "login[password]", "are one"},
		{"user name", "user.name", "are one"},
	}
	for _, test := range bad {
		if f, err := ParseLoginFields(test.user, test.password); err == nil || !strings.Contains(err.Error(), test.says) || f != (LoginFields{}) {
			t.Errorf("ParseLoginFields(%q, %q): %v, want an error with %q", test.user, test.password, err, test.says)
		}
	}
}

// B2, B3, B4, B7, B11: which logins are read, and as whom.
func TestReadLogin(t *testing.T) {
	one := LoginFields{User: "username", Password: "password"}
	two := LoginFields{User: "{{company}}/{{user}}", Password: "password"}
	dotted := LoginFields{User: "user.name", Password: "password"}
	rails := LoginFields{User: "user[name]", Password: "user[password]"}
	form := typed(typeURLEncoded)
	multi := typed(typeFormData + "; boundary=B")
	tests := []struct {
		fields         LoginFields
		header         http.Header
		query, body    string
		user, password string
		err            error
	}{
		{one, form, "", "username=alice&password=p%26+%C3", "alice", "p& \xc3", nil},
		{one, form, "lang=ar&next=%2Fx", "lang=en&password=p&username=alice&lang=ar", "alice", "p", nil},
		{one, form, "", "username=&password=", "", "", nil},
		{one, form, "", "username=%20alice%20&password=p", " alice ", "p", nil},
		{one, form, "", "username=a%26password%3Dx&password=p", "a&password=x", "p", nil},
		{one, form, "", "username=alice;username=mallory&password=p", "alice;username=mallory", "p", nil},
		{one, form, "", "usernames=x&my_username=y&username=alice&password=p&password2=q", "alice", "p", nil},
		{one, form, "", "username=alice&password=p%00q", "alice", "p\x00q", nil},
		{one, multi, "", parts(dispose+"\"username\"\r\n\r\nalice", dispose+"\"password\"\r\n\r\np\r\nq"), "alice", "p\r\nq", nil},
		{two, form, "", "user=alice&company=acme&password=p", "acme/alice", "p", nil},
		{two, form, "", "user=a/b&company=acme&password=p", "acme/a/b", "p", nil},
		{dotted, form, "", "user.name=alice&password=p", "alice", "p", nil},
		{rails, form, "", "user[name]=alice&user%5Bpassword%5D=p&user[remember]=1", "alice", "p", nil},

		// Not a login: the form can be sent on.
		{one, form, "", "lang=ar", "", "", ErrNotLogin},
		{one, form, "", "", "", "", ErrNotLogin},
		{one, multi, "", parts(dispose + "\"lang\"\r\n\r\nar"), "", "", ErrNotLogin},

		// Half a login.
		{one, form, "", "username=alice", "", "", ErrUnreadable},
		{one, form, "", "password=p", "", "", ErrUnreadable},
		{two, form, "", "user=alice&password=p", "", "", ErrUnreadable},
		{two, form, "", "user=alice&company=acme", "", "", ErrUnreadable},

		// B4: twice, in the query, in another spelling, as a file.
		{one, form, "", "username=mallory&username=alice&password=p", "", "", ErrAmbiguous},
		{one, form, "", "username=alice&username=alice&password=p", "", "", ErrAmbiguous},
		{one, form, "", "username=alice&password=p&password=q", "", "", ErrAmbiguous},
		{one, form, "", "username=mallory&username[]=alice&password=p", "", "", ErrAmbiguous},
		{one, form, "", "username=mallory&username[0]=alice&password=p", "", "", ErrAmbiguous},
		{one, form, "", "username=mallory&+username=alice&password=p", "", "", ErrAmbiguous},
		{one, form, "", "username=mallory&%20%20username=alice&password=p", "", "", ErrAmbiguous},
		{one, form, "", "username=mallory&USERNAME=alice&password=p", "", "", ErrAmbiguous},
		{one, form, "", "username[]=alice&password=p", "", "", ErrAmbiguous},
		{one, form, "", "username[=alice&username=mallory&password=p", "", "", ErrAmbiguous},
		{one, form, "", "Username=alice&password=p", "", "", ErrAmbiguous},
		{one, form, "", "+username=alice&password=p", "", "", ErrAmbiguous},
		{one, form, "", "%75sername=alice&username=mallory&password=p", "", "", ErrAmbiguous},
		{one, form, "username=alice", "username=mallory&password=p", "", "", ErrAmbiguous},
		{one, form, "username[x]=alice", "username=mallory&password=p", "", "", ErrAmbiguous},
		{one, form, "x=1&+PassWord%5B=p", "username=mallory&password=p", "", "", ErrAmbiguous},
		{one, form, "username=alice&password=p", "", "", "", ErrAmbiguous},
		{one, multi, "", parts(dispose+"\"username\"; filename=\"x\"\r\n\r\nalice", dispose+"\"password\"\r\n\r\np"), "", "", ErrAmbiguous},
		{one, multi, "", parts(dispose+"\"username\"; filename=\"\"\r\n\r\nalice", dispose+"\"username\"\r\n\r\nmallory", dispose+"\"password\"\r\n\r\np"), "", "", ErrAmbiguous},
		{dotted, form, "", "user_name=alice&password=p", "", "", ErrAmbiguous},
		{dotted, form, "", "user.name=mallory&user_name=alice&password=p", "", "", ErrAmbiguous},
		{dotted, form, "", "user.name=mallory&user[name=alice&password=p", "", "", ErrAmbiguous},
		{rails, form, "", "user[name]=mallory&user=alice&user[password]=p", "", "", ErrAmbiguous},
		{rails, form, "", "user[name]=mallory&user[name]x=alice&user[password]=p", "", "", ErrAmbiguous},
		{rails, form, "", "user[name]=mallory&user[][name]=alice&user[password]=p", "", "", ErrAmbiguous},
		{two, form, "", "company=acme/alice&user=x&password=p", "", "", ErrAmbiguous},
		{two, form, "", "company=acme%EF%BC%8Falice&user=x&password=p", "", "", ErrAmbiguous}, // full width

		// B7: NUL and other control characters.
		{one, form, "", "us%00er=x&username=mallory&password=p", "", "", ErrUnreadable},
		{one, form, "", "username%00=alice&username=mallory&password=p", "", "", ErrUnreadable},
		{one, form, "", "username=alice%00mallory&password=p", "", "", ErrUnreadable},
		{one, form, "", "username=alice%0d%0a&password=p", "", "", ErrUnreadable},
		{one, form, "", "=x&username=alice&password=p", "", "", ErrUnreadable},

		// B2: method overrides.
		{one, form, "_method=PUT", "username=alice&password=p", "", "", ErrAmbiguous},
		{one, form, "", "username=alice&_method=PUT&password=p", "alice", "p", nil},

		// B3, B11
		{one, typed(typeJSON), "", `{"username":"alice","password":"p"}`, "", "", ErrUnreadable},
		{one, http.Header{}, "", "username=alice&password=p", "", "", ErrUnreadable},
		{one, typed(typeURLEncoded, typeURLEncoded), "", "username=alice&password=p", "", "", ErrUnreadable},
		{one, typed(typeURLEncoded + "; charset=ibm037"), "", "username=alice&password=p", "", "", ErrUnreadable},
		{one, http.Header{"Content-Type": {typeURLEncoded}, "Content-Encoding": {"deflate"}}, "", "x", "", "", ErrUnreadable},
		{one, form, "", "username=alice&password=%zz", "", "", ErrUnreadable},
		{one, form, "x=%zz", "username=alice&password=p", "", "", ErrUnreadable},
		{one, form, "", strings.Repeat("x&", 998) + "username=alice&password=p", "alice", "p", nil},
		{one, form, "", strings.Repeat("x&", 999) + "username=alice&password=p", "", "", ErrTooLarge},
		{one, form, "", "username=alice&password=" + strings.Repeat("p", 5000), "", "", ErrTooLarge},
	}
	for _, test := range tests {
		l, err := ReadLogin(test.header, test.query, strings.NewReader(test.body), 5000, test.fields)
		if !errors.Is(err, test.err) || err != nil && test.err == nil {
			t.Errorf("ReadLogin(?%s, %.200q): %v, want %v", test.query, test.body, err, test.err)
			continue
		}
		if (l != nil) != (err == nil || errors.Is(err, ErrNotLogin)) {
			t.Errorf("ReadLogin(?%s, %.200q) = %v with %v", test.query, test.body, l, err)
		}
		if l != nil && (l.User() != test.user || l.Password().Reveal() != test.password) {
			t.Errorf("ReadLogin(?%s, %.200q) is %q with %q, want %q with %q", test.query, test.body, l.User(), l.Password().Reveal(), test.user, test.password)
		}
	}
}

func mustLogin(t testing.TB, body string) *Login {
	t.Helper()
	l, err := ReadLogin(typed(typeURLEncoded), "", strings.NewReader(body), 1<<16, LoginFields{User: "user", Password: "password"})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLoginSetAndDrop(t *testing.T) {
	const body = "token=old&user=alice&+server=x&password=p&roles[]=1&server[]=y&_method=PUT&roles[]=2"
	tests := []struct {
		name string
		do   func(l *Login)
		want string
	}{
		{"nothing", func(l *Login) {}, "token=old&user=alice&+server=x&password=p&roles%5B%5D=1&server%5B%5D=y&roles%5B%5D=2"},
		{"in place", func(l *Login) { l.Set("token", "new&=") }, "token=new%26%3D&user=alice&+server=x&password=p&roles%5B%5D=1&server%5B%5D=y&roles%5B%5D=2"},
		{"at the end", func(l *Login) { l.Set("csrf", "z") }, "token=old&user=alice&+server=x&password=p&roles%5B%5D=1&server%5B%5D=y&roles%5B%5D=2&csrf=z"},
		{"every spelling", func(l *Login) { l.Set("server", "db1") }, "token=old&user=alice&server=db1&password=p&roles%5B%5D=1&roles%5B%5D=2"},
		{"drop", func(l *Login) { l.Drop("server"); l.Drop("roles"); l.Drop("none") }, "token=old&user=alice&password=p"},
		{"what was judged stays", func(l *Login) { l.Set("user", "bob"); l.Set("USER[]", "bob"); l.Drop("password"); l.Drop("user") },
			"token=old&user=alice&+server=x&password=p&roles%5B%5D=1&server%5B%5D=y&roles%5B%5D=2"},
	}
	for _, test := range tests {
		l := mustLogin(t, body)
		test.do(l)
		if contentType, got := l.Encode(); string(got) != test.want || contentType != typeURLEncoded {
			t.Errorf("%s: %s %s, want %s", test.name, contentType, got, test.want)
		}
	}
	l := mustLogin(t, body)
	if v, ok := l.Value("roles[]"); v != "2" || !ok {
		t.Errorf("Value: %q, %v", v, ok)
	}
	if v, ok := l.Value("server"); v != "" || ok {
		t.Errorf("Value of another spelling: %q, %v", v, ok)
	}
	if got, want := l.Names(), []string{"token", "user", " server", "password", "roles[]", "server[]", "roles[]"}; !slices.Equal(got, want) {
		t.Errorf("Names: %q", got)
	}
}

func TestLoginDoesNotPrint(t *testing.T) {
	l := mustLogin(t, "user=alice&password=hunter2&token=t0psecret")
	holder := struct{ l Login }{*l}
	if s := sprintAll(l, *l, holder, &holder, l.list); strings.Contains(s, "hunter2") || strings.Contains(s, "t0psecret") {
		t.Errorf("a value is printed: %s", s)
	}
	_, err := ReadLogin(typed(typeURLEncoded), "", strings.NewReader("user=hunter2%00&password=hunter2"), 100, LoginFields{User: "user", Password: "password"})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error: %v", err)
	}
}

// checkRebuilt holds invariant 6 for a login that was accepted: what is sent reads as what was judged, byte for byte.
func checkRebuilt(t interface{ Errorf(string, ...any) }, l *Login) {
	contentType, body := l.Encode()
	again, err := ReadLogin(typed(contentType), "", strings.NewReader(string(body)), 1<<20, l.fields)
	if err != nil {
		t.Errorf("rebuilt %s %q: %v", contentType, body, err)
		return
	}
	if again.User() != l.User() || again.Password().Reveal() != l.Password().Reveal() {
		t.Errorf("rebuilt %q is %q with %q, was %q with %q", body, again.User(), again.Password().Reveal(), l.User(), l.Password().Reveal())
	}
	if got, want := flat(Params{fields: again.list}), flat(Params{fields: l.list}); got != want || again.content.kind != l.content.kind || again.content.charset != l.content.charset {
		t.Errorf("rebuilt %q has %q, was %q", body, got, want)
	}
}

// A login form with an upload: file parts keep their name and type.
func TestLoginRebuiltWithFile(t *testing.T) {
	body := parts(dispose+"\"user\"\r\n\r\nalice", dispose+"\"password\"\r\n\r\np\r\nq",
		dispose+"\"f\"; filename=\"x;.html\"\r\nContent-Type: text/html\r\n\r\n\r\n<p>", dispose+"\"g\"; filename=\"\"\r\n\r\n")
	l, err := ReadLogin(typed(typeFormData+"; boundary=B; charset=windows-1256"), "", strings.NewReader(body), 1<<16, LoginFields{User: "user", Password: "password"})
	if err != nil {
		t.Fatal(err)
	}
	checkRebuilt(t, l)
	l.Set("a\"\r\nb", "1") // as a page may name a hidden field
	contentType, sent := l.Encode()
	again, _, err := ReadForm(typed(contentType), strings.NewReader(string(sent)), 1<<16)
	want := "user=alice&password=p\r\nq&f=\r\n<p>@x;.html@text/html&g=@@&a%22%0D%0Ab=1"
	if got := flat(again); err != nil || got != want || !strings.HasSuffix(contentType, "; charset=windows-1256") {
		t.Errorf("%s with %q, %v; want %q", contentType, got, err, want)
	}
}

func FuzzReadLogin(f *testing.F) {
	f.Add(typeURLEncoded, "", "user=alice&password=p%26&token=%00%ff+")
	f.Add(typeURLEncoded+"; charset=windows-1256", "lang=ar", "user=%E3&password=")
	f.Add(typeFormData+"; boundary=B", "", parts(dispose+"\"user\"\r\n\r\na b", dispose+"\"password\"\r\n\r\np\r\n", dispose+"\"f\"; filename=\"x\"\r\nContent-Type: text/html\r\n\r\n\r\n"))
	f.Add(typeURLEncoded, "+user[=1", "user=alice&us%00er=2&password=p")
	f.Add(typeURLEncoded, "", "user=mallory&user[]=alice&password=p&_method=PUT")
	f.Fuzz(func(t *testing.T, contentType, query, body string) {
		l, err := ReadLogin(typed(contentType), query, strings.NewReader(body), 1<<16, LoginFields{User: "user", Password: "password"})
		if err == nil {
			checkRebuilt(t, l)
		} else if l != nil && !errors.Is(err, ErrNotLogin) {
			t.Errorf("ReadLogin(%q, %q, %q): %v with a login", contentType, query, body, err)
		}
	})
}

// Any values survive; any further field in any spelling of the user field is refused.
func TestLoginRebuilt(t *testing.T) {
	value := rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "bytes")) })
	rapid.Check(t, func(t *rapid.T) {
		l := &Login{fields: LoginFields{User: "user", Password: "password"}, content: content{kind: rapid.SampledFrom([]kind{urlencoded, formData}).Draw(t, "kind")}}
		l.list = append(l.list, newField("user", rapid.StringMatching(`[ -~é]{0,10}`).Draw(t, "user")), newField("password", value.Draw(t, "password")))
		name := rapid.StringMatching(`[a-c][a-c.\[\] é]{0,5}`)
		for range rapid.IntRange(0, 4).Draw(t, "more") {
			l.list = append(l.list, newField(name.Draw(t, "name"), value.Draw(t, "value")))
		}
		if err := l.judge(); err != nil {
			t.Fatal(err)
		}
		checkRebuilt(t, l)
	})
}

func TestLoginRefusesSecondUser(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		second := oddName().Draw(t, "name")
		if !touches(second, "user") || !printable(second) {
			return
		}
		l := &Login{fields: LoginFields{User: "user", Password: "password"}, content: content{kind: urlencoded}}
		l.list = []field{newField("user", "mallory"), newField("password", "p"), newField(second, "alice")}
		contentType, body := l.Encode()
		got, err := ReadLogin(typed(contentType), "", strings.NewReader(string(body)), 1<<16, l.fields)
		if !errors.Is(err, ErrAmbiguous) || got != nil {
			t.Errorf("%s: %v", body, err)
		}
	})
}

// No two different logins have one composed name, also after the policy's folding of case and width.
func TestComposedNamesDiffer(t *testing.T) {
	f := LoginFields{User: "{{a}}x/{{b}}", Password: "p"}
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.StringMatching(`[xX/a／]{0,4}`)
		a, b := part.Draw(t, "a"), part.Draw(t, "b")
		c, d := part.Draw(t, "c"), part.Draw(t, "d")
		fold := func(s string) string { return foldCase(strings.ReplaceAll(s, "／", "/")) }
		one, errOne := f.compose([]string{a, b})
		other, errOther := f.compose([]string{c, d})
		if errOne == nil && errOther == nil && fold(one) == fold(other) && (fold(a) != fold(c) || fold(b) != fold(d)) {
			t.Errorf("%q, %q and %q, %q are both %q", a, b, c, d, one)
		}
	})
}

func BenchmarkReadLogin(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		l := mustLogin(b, "company=1&user=alice&password=correct+horse&token=0123456789abcdef&lang=ar")
		l.Set("token", "fresh")
		l.Encode()
	}
}
