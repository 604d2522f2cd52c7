package config

import (
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers/v2"

	"doorcode/challenge/secret"
)

// mobile reads a mobile number as people write it: 0599123456, 599 123 456, +970 59…, 00970…, with Arabic digits, with the
// direction marks that come along when it is copied from a page. It is kept as E.164. country is how a number without + is read;
// "" takes none. Faults never repeat the number.
//
// Numbers are taken when they are possible and of a kind that gets SMS. That they are unknown to the numbering plans that this
// program was built with (doubtful) is only worth a warning: +972 52… is possible, in use and "not valid" there.
func mobile(t, country string) (number secret.Text, doubtful bool, f *fault) {
	const want = "write a mobile number as it is dialled, such as 0599123456 or +970599123456"
	t = strings.TrimSpace(strings.Map(dropMarks, t))
	if strings.ContainsFunc(t, unicode.IsLetter) {
		return secret.Text{}, false, &fault{"has letters in it", want}
	}
	region := country
	if region == "" {
		region = "ZZ" // phonenumbers' name for no country
	}
	n, err := phonenumbers.Parse(international(t, country), region)
	switch {
	case err != nil && country == "" && !strings.HasPrefix(t, "+"):
		return secret.Text{}, false, &fault{"has no country", "begin it with + and the country's code, or set country: in gateway.yaml"}
	case err != nil, n.GetExtension() != "", !phonenumbers.IsPossibleNumber(n):
		return secret.Text{}, false, &fault{"is no phone number", want}
	case !getsSMS(phonenumbers.GetNumberType(n)):
		return secret.Text{}, false, &fault{"is not a mobile's number", "a landline or service number gets no SMS: write a mobile, or use code: email"}
	}
	return secret.New(phonenumbers.Format(n, phonenumbers.E164)), !phonenumbers.IsValidNumber(n), nil
}

// international puts + before a number that has its country's code but no +. Under PS, 972599123456 would otherwise be read as
// a national number and become +970972599123456. Elsewhere 970 and 972 begin ordinary national numbers (Colorado, Dallas).
func international(t, country string) string {
	digits := phonenumbers.NormalizeDigitsOnly(t)
	switch {
	case strings.HasPrefix(t, "+") || strings.HasPrefix(t, "＋"):
		return t
	case strings.HasPrefix(digits, "00"):
		return "+" + digits[2:]
	case country != "PS" && country != "IL":
		return t
	case strings.HasPrefix(digits, "970"), strings.HasPrefix(digits, "972"):
		return "+" + digits
	}
	return t
}

// dropMarks removes what shows nothing: direction marks, joiners, the byte order mark. Other spaces become plain ones.
func dropMarks(c rune) rune {
	switch {
	case unicode.Is(unicode.Cf, c):
		return -1
	case unicode.IsSpace(c):
		return ' '
	}
	return c
}

// getsSMS reports kinds that a phone with SMS may have. Unknown kinds are numbers that the numbering plan does not list.
func getsSMS(kind phonenumbers.PhoneNumberType) bool {
	switch kind {
	case phonenumbers.MOBILE, phonenumbers.FIXED_LINE_OR_MOBILE, phonenumbers.PERSONAL_NUMBER, phonenumbers.VOIP, phonenumbers.PAGER, phonenumbers.UNKNOWN:
		return true
	}
	return false
}

// countryCode reads country: two letters that numbering plans are known for.
func countryCode(t string) (string, *fault) {
	if phonenumbers.GetCountryCodeForRegion(t) == 0 {
		return "", &fault{"is no country", "write its two capital letters, such as PS or JO"}
	}
	return t, nil
}
