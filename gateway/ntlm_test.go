package gateway

import (
	"slices"
	"testing"
)

func TestOtherSchemes(t *testing.T) {
	tests := []struct {
		lines, left []string
	}{
		{[]string{"NTLM"}, nil},
		{[]string{"Negotiate", "NTLM"}, nil},
		{[]string{"nTLM TlRMTVNTUAACAAAA=="}, nil},
		{[]string{"NTLM, Negotiate"}, nil},
		{[]string{"Kerberos", "Nego2", "CredSSP", "NTLM_WB", "NTLMxyz"}, nil},
		{[]string{`Basic realm="Books"`}, []string{`Basic realm="Books"`}},
		{[]string{`Bearer realm="a,  b" ,scope=x`}, []string{`Bearer realm="a,  b" ,scope=x`}}, // untouched, as it came
		{[]string{"NTLM", `Basic realm="Books"`}, []string{`Basic realm="Books"`}},
		{[]string{`Basic realm="Books", NTLM`}, []string{`Basic realm="Books"`}},
		{[]string{`NTLM, Basic realm="Books", charset="UTF-8"`}, []string{`Basic realm="Books", charset="UTF-8"`}},
		{[]string{`Negotiate abc==, Digest realm = "x", nonce="a, NTLM", qop="auth,auth-int"`}, []string{`Digest realm = "x", nonce="a, NTLM", qop="auth,auth-int"`}},
		{[]string{`Negotiate realm="x", oid=1, Basic realm="y"`}, []string{`Basic realm="y"`}}, // its parameters go with it
		{[]string{`Basic realm="a\", NTLM"`}, []string{`Basic realm="a\", NTLM"`}},
		{[]string{`Basic realm="Books, NTLM`}, []string{`Basic realm="Books`}}, // a quote that nothing closes
		{[]string{",, NTLM ,, ,Basic realm=x"}, []string{"Basic realm=x"}},
		{[]string{"NTLM=x, Basic realm=x"}, []string{"Basic realm=x"}},
	}
	for _, test := range tests {
		left, dropped := otherSchemes(test.lines)
		if !slices.Equal(left, test.left) {
			t.Errorf("otherSchemes(%q) = %q, want %q", test.lines, left, test.left)
		}
		if want := !slices.Equal(test.lines, test.left); dropped != want {
			t.Errorf("otherSchemes(%q) says dropped %v, want %v", test.lines, dropped, want)
		}
	}
}

// Whatever an upstream writes, nothing is left that a second look would drop, and what is left was there.
func FuzzOtherSchemes(f *testing.F) {
	for _, line := range []string{`NTLM, Basic realm="a, NTLM"`, `Basic realm="a, NTLM`, `Basic realm="a\", Negotiate x==`, ",,=,NTLM=", `"NTLM",NTLM`} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		left, _ := otherSchemes([]string{line})
		for _, one := range left {
			for _, part := range listed(one) {
				if scheme, begins := challengeScheme(part); begins && connectionScheme(scheme) {
					t.Errorf("otherSchemes(%q) leaves %q", line, left)
				}
			}
		}
		if again, dropped := otherSchemes(left); dropped || !slices.Equal(again, left) {
			t.Errorf("otherSchemes(%q) = %q, and once more %q", line, left, again)
		}
	})
}
