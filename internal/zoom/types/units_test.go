package types

import "testing"

func TestFloat_units(t *testing.T) {
	for zoom, want := range map[string]Float{
		`3.98`:         {3.98, true},
		`"27.15 kbps"`: {27.15, true},
		`"1.5 Mbps"`:   {1500, true},
		`"500 bps"`:    {0.5, true},
		`"126 ms"`:     {126, true},
		`"0.2s"`:       {200, true},
		`"0.03%"`:      {0.03, true},
		`"12 fps"`:     {12, true},
		`-70`:          {-70, true},
		`"12 parsecs"`: {}, // an unknown unit: a wrong number is worse than none
		`"kbps"`:       {},
		`"- ms"`:       {},
		`""`:           {},
		`null`:         {},
	} {
		got := Float{1, true} // an earlier value
		if err := Unmarshal([]byte(zoom), &got); err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", zoom, got, err, want)
		}
	}
}

func TestInt_durations(t *testing.T) {
	for zoom, want := range map[string]Int{
		`"16:08"`:    {968, true},
		`"00:56"`:    {56, true},
		`"01:02:03"`: {3723, true},
		`"30:00:00"`: {108000, true},
		`"08"`:       {8, true},
		`"1:2:3:4"`:  {},
		`"12:-3"`:    {},
		`":"`:        {},
		`""`:         {},
	} {
		got := Int{1, true}
		if err := Unmarshal([]byte(zoom), &got); err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", zoom, got, err, want)
		}
	}
}
