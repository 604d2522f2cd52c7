package challenge

import "strings"

// PalestinianMobile returns the nine digits behind the country code of a mobile of Jawwal (59) or Ooredoo (56), which are reached under
// +970 and under +972 alike. An Israeli +97252… is none.
func PalestinianMobile(e164 string) (digits string, ok bool) {
	digits, ok = strings.CutPrefix(e164, "+970")
	if !ok {
		digits, ok = strings.CutPrefix(e164, "+972")
	}
	return digits, ok && len(digits) == 9 && (digits[:2] == "59" || digits[:2] == "56")
}

// Subscriber is who a mobile number in E.164 reaches, for comparing: +970599123456 and +972599123456 are one. Messages go to the number
// as it is written, since a provider may take only one of the two.
func Subscriber(e164 string) string {
	if digits, ok := PalestinianMobile(e164); ok {
		return "+970" + digits
	}
	return e164
}
