package sms

import "strings"

// The GSM 7-bit default alphabet and its extension table (3GPP TS 23.038 §6.2.1), without the escape itself.
const gsmAlphabet = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿" +
	"abcdefghijklmnopqrstuvwxyzäöñüà" + "\f^{}\\[~]|€"

// isGSM reports whether text can be sent in the GSM 7-bit alphabet. One character outside makes the whole message UCS-2.
func isGSM(text string) bool {
	for _, r := range text {
		if !strings.ContainsRune(gsmAlphabet, r) {
			return false
		}
	}
	return true
}
