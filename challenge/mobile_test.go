package challenge

import (
	"testing"

	"doorcode/challenge/secret"
)

func TestSubscriber(t *testing.T) {
	for number, want := range map[string]string{
		"+970599123456": "+970599123456", "+972599123456": "+970599123456", "+972569123456": "+970569123456",
		"+972521234567":  "+972521234567",  // Israeli
		"+9725991234567": "+9725991234567", // a digit too many
		"+97259912345":   "+97259912345", "+962791234567": "+962791234567", "": "",
	} {
		if got := Subscriber(number); got != want {
			t.Errorf("Subscriber(%q) = %q, want %q", number, got, want)
		}
	}
}

// Who writes 972 where 970 stood, or the other way round, has not given the codes to somebody else: nobody's session ends.
func TestFingerprintOfOneSubscriber(t *testing.T) {
	of := func(mobile string) string { return User{Code: CodeSMS, Mobile: secret.New(mobile)}.Fingerprint() }
	if of("+970599123456") != of("+972599123456") {
		t.Error("one subscriber under two country codes has two fingerprints")
	}
	if of("+970599123456") == of("+970599123457") || of("+972521234567") == of("+970521234567") {
		t.Error("two numbers have one fingerprint")
	}
}
