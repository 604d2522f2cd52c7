package seal

import (
	"strconv"
	"strings"
	"time"
)

// parseDate is the forgiving algorithm of RFC 6265 §5.1.1: what browsers take for a deletion, and nothing else, is one here.
func parseDate(text string) (time.Time, bool) {
	var d cookieDate
	for token := range strings.FieldsFuncSeq(text, isDelimiter) {
		d.take(token)
	}
	switch {
	case !d.hasTime || d.day == 0 || d.month == 0 || !d.hasYear:
		return time.Time{}, false
	case d.year >= 70 && d.year <= 99:
		d.year += 1900
	case d.year >= 0 && d.year <= 69:
		d.year += 2000
	}
	if d.day > 31 || d.year < 1601 || d.hour > 23 || d.minute > 59 || d.second > 59 {
		return time.Time{}, false
	}
	at := time.Date(d.year, d.month, d.day, d.hour, d.minute, d.second, 0, time.UTC)
	return at, at.Day() == d.day // 31 February is none
}

type cookieDate struct {
	hour, minute, second, day, year int
	month                           time.Month
	hasTime, hasYear                bool
}

// take reads one token as the first of time, day, month and year that it can be and that is still missing.
func (d *cookieDate) take(token string) {
	if !d.hasTime && d.takeTime(token) {
		return
	}
	n, digits := leadingNumber(token)
	if d.day == 0 && (digits == 1 || digits == 2) {
		d.day = n
		return
	}
	if d.month == 0 && len(token) >= 3 {
		if at := strings.Index("janfebmaraprmayjunjulaugsepoctnovdec", strings.ToLower(token[:3])); at >= 0 && at%3 == 0 {
			d.month = time.Month(at/3 + 1)
			return
		}
	}
	if !d.hasYear && digits >= 2 && digits <= 4 {
		d.year, d.hasYear = n, true
	}
}

func (d *cookieDate) takeTime(token string) bool {
	parts := strings.SplitN(token, ":", 3)
	if len(parts) != 3 {
		return false
	}
	var numbers [3]int
	for i, part := range parts {
		n, digits := leadingNumber(part)
		if digits == 0 || digits > 2 || i < 2 && digits != len(part) {
			return false
		}
		numbers[i] = n
	}
	d.hour, d.minute, d.second, d.hasTime = numbers[0], numbers[1], numbers[2], true
	return true
}

// leadingNumber reads the digits that token begins with; digits is how many they are.
func leadingNumber(token string) (n, digits int) {
	for digits < len(token) && token[digits] >= '0' && token[digits] <= '9' {
		digits++
	}
	n, err := strconv.Atoi(token[:digits])
	if err != nil {
		return 0, 0
	}
	return n, digits
}

// isDelimiter is the RFC's list.
func isDelimiter(c rune) bool {
	return c == 0x09 || c >= 0x20 && c <= 0x2f || c >= 0x3b && c <= 0x40 || c >= 0x5b && c <= 0x60 || c >= 0x7b && c <= 0x7e
}
