package challenge

import (
	"strings"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers/v2"

	"doorcode/challenge/secret"
)

const dots = "•••"

// Mask is a destination as logs and commands may show it.
func Mask(c Channel, to secret.Text) string { return mask(c, to) }

// mask shows of a destination what its owner recognises and nobody else can complete: 059•••••56, a•••@example.com.
func mask(c Channel, to secret.Text) string {
	if c == Email {
		return maskEmail(to.Reveal())
	}
	return maskMobile(to.Reveal())
}

// maskMobile shows the first three and the last two digits, as the number is dialled at home. Of a number too short for that only
// the last two.
func maskMobile(e164 string) string {
	digits := national(e164)
	first, last := 3, 2
	if len(digits) < first+last+4 {
		first = 0
	}
	if len(digits) < last+4 {
		return dots
	}
	return digits[:first] + strings.Repeat("•", len(digits)-first-last) + digits[len(digits)-last:]
}

// national returns the digits of a number as they are dialled in its own country; of one that is no number, its digits.
func national(e164 string) string {
	if n, err := phonenumbers.Parse(e164, ""); err == nil {
		e164 = phonenumbers.Format(n, phonenumbers.NATIONAL)
	}
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, e164)
}

// maskEmail shows the first character and the host. A name of one character is not shown: it would be all of it.
func maskEmail(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return dots
	}
	_, size := utf8.DecodeRuneInString(address[:at])
	if size == at {
		size = 0
	}
	return address[:size] + dots + address[at:]
}
