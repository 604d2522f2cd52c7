package templates

import (
	"strings"
	"unicode/utf16"
)

// The alphabet of an SMS (3GPP TS 23.038 §6.2.1). The signs of its extension take two places.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtension = "^{}\\[~]|€\f"
)

// segments is how many SMS a text takes, counted apart from the program, which counts in package challenge: 160 characters of the
// GSM alphabet fit one, or 70 of any other; where it takes several, 153 and 67 a piece.
func segments(text string) int {
	units, gsm := 0, true
	for _, r := range text {
		switch {
		case strings.ContainsRune(gsmExtension, r):
			units += 2
		case strings.ContainsRune(gsmBasic, r):
			units++
		default:
			gsm = false
		}
	}
	if gsm {
		return pieces(units, 160, 153)
	}
	return pieces(len(utf16.Encode([]rune(text))), 70, 67)
}

func pieces(units, one, several int) int {
	if units <= one {
		return 1
	}
	return (units + several - 1) / several
}
