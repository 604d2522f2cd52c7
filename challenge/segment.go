package challenge

import (
	"strings"
	"unicode/utf16"
)

// The default alphabet of GSM 03.38 (3GPP TS 23.038 §6.2.1) and its extension table (§6.2.1.1), whose characters take two septets.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "\f^{}\\[~]|€"
)

// Segments counts the SMS that a text is charged and sent as: one up to 160 septets, or 70 UTF-16 units where a single character is not
// in the GSM alphabet; of more, each loses the room of a header (TS 23.040 §9.2.3.24.1: 153 or 67). Neither a character of two septets
// nor a surrogate pair is split over two of them. gsm reports which of the two alphabets it is.
func Segments(text string) (count int, gsm bool) {
	septets, gsm := gsmSizes(text)
	if gsm {
		return pack(septets, 160, 153), true
	}
	var units []int
	for _, r := range text {
		units = append(units, max(1, utf16.RuneLen(r)))
	}
	return pack(units, 70, 67), false
}

// gsmSizes returns the septets of each character, or false when one is not in the alphabet.
func gsmSizes(text string) ([]int, bool) {
	var sizes []int
	for _, r := range text {
		switch {
		case strings.ContainsRune(gsmBasic, r):
			sizes = append(sizes, 1)
		case strings.ContainsRune(gsmExtended, r):
			sizes = append(sizes, 2)
		default:
			return nil, false
		}
	}
	return sizes, true
}

// pack fills segments in order: one of single units when all fit, else as many of part units as it takes.
func pack(sizes []int, single, part int) int {
	total := 0
	for _, s := range sizes {
		total += s
	}
	if total <= single {
		return 1
	}
	n, room := 1, part
	for _, s := range sizes {
		if s > room {
			n, room = n+1, part
		}
		room -= s
	}
	return n
}
