package sms

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nyaruka/phonenumbers/v2"

	"doorcode/challenge"
)

// NumberFormat is how a provider wants a mobile number written. The zero NumberFormat is E.164.
type NumberFormat struct {
	form    string
	country string // "970" or "972": what a Palestinian mobile is sent as; "" leaves it as it is
}

// The forms of a number, for +970599123456.
const (
	e164       = "e164"         // +970599123456
	e164NoPlus = "e164_no_plus" // 970599123456
	e164Zeros  = "00"           // 00970599123456
	national   = "national"     // 0599123456
)

// ParseNumberFormat reads a form ("e164", "e164_no_plus", "00" or "national"; "" is e164) and the country code under which
// the provider wants Palestinian mobiles: "970", "972", or "" to leave the number as the users file has it. Both codes reach
// the same subscribers, but some providers take only one of them.
func ParseNumberFormat(form, country string) (NumberFormat, error) {
	switch form {
	case "":
		form = e164
	case e164, e164NoPlus, e164Zeros, national:
	default:
		return NumberFormat{}, fmt.Errorf("%q is no number format: it is e164, e164_no_plus, 00 or national", form)
	}
	switch country {
	case "", "970", "972":
		return NumberFormat{form, country}, nil
	}
	return NumberFormat{}, fmt.Errorf("mobiles of Palestine are sent as 970 or 972, not as %q", country)
}

// errNumber does not repeat the number.
var errNumber = errors.New("the destination is not a number in E.164, such as +970591234567")

// Apply writes a number that comes in E.164 with "+" (at most 15 digits, ITU-T E.164 §6.2.1) in the format. Errors do not
// repeat the number.
func (f NumberFormat) Apply(number string) (string, error) {
	if !isE164(number) {
		return "", errNumber
	}
	number = f.mapped(number)
	switch f.form {
	case e164NoPlus:
		return number[1:], nil
	case e164Zeros:
		return "00" + number[1:], nil
	case national:
		return nationalForm(number)
	}
	return number, nil
}

// mapped changes the country code of the Palestinian mobiles, which are reached under both, alone: an Israeli +97252… is somebody
// else's number.
func (f NumberFormat) mapped(number string) string {
	digits, ok := challenge.PalestinianMobile(number)
	if !ok || f.country == "" {
		return number
	}
	return "+" + f.country + digits
}

// nationalForm returns the digits that are dialled inside the number's own country.
func nationalForm(number string) (string, error) {
	parsed, err := phonenumbers.Parse(number, "ZZ")
	if err != nil {
		return "", errNumber // the library's error may quote the number
	}
	written := phonenumbers.Format(parsed, phonenumbers.NATIONAL)
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, written), nil
}

func isE164(s string) bool {
	digits, ok := strings.CutPrefix(s, "+")
	if !ok || len(digits) < 7 || len(digits) > 15 || digits[0] == '0' {
		return false
	}
	return strings.Trim(digits, "0123456789") == ""
}
