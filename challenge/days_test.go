package challenge

import (
	"testing"
	"time"
)

// A day goes on until another begins, also where clocks are set at midnight.
func TestDaysEndWithTheirName(t *testing.T) {
	for _, name := range []string{"Asia/Hebron", "Africa/Cairo", "Asia/Beirut", "America/Santiago", "America/Havana", "Atlantic/Azores", "Pacific/Apia", "UTC"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for at := time.Date(2026, 1, 1, 0, 30, 0, 0, time.UTC); at.Year() < 2028; at = at.Add(time.Hour) {
			day, month := days(at, zone)
			for _, p := range []struct {
				Period
				layout string
			}{{day, time.DateOnly}, {month, "2006-01"}} {
				last, next := p.Ends.Add(-time.Second).In(zone).Format(p.layout), p.Ends.In(zone).Format(p.layout)
				if !p.Ends.After(at) || last != p.Name || next == p.Name {
					t.Fatalf("%s in %s: %s ends at %s", at.In(zone), name, p.Name, p.Ends)
				}
			}
		}
	}
}
