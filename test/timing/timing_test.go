package timing

import (
	"math"
	"testing"
	"time"
)

func TestStatistics(t *testing.T) {
	low := []time.Duration{1, 2, 3, 4, 5, 6, 7, 8}
	high := []time.Duration{5, 6, 7, 8, 9, 10, 11, 12}
	for _, c := range []struct {
		a, b           []time.Duration
		share, z, tVal float64
	}{
		{low, low, 0.5, 0, 0},
		{low, high, 0.875, 2.521, 3.266},
		{high, low, 0.125, -2.521, -3.266},
		{low, []time.Duration{20, 21, 22, 23, 24, 25, 26, 27}, 1, 3.361, 15.513},
	} {
		share, z := mannWhitney(c.a, c.b)
		v := welch(c.a, c.b)
		if math.Abs(share-c.share) > 0.001 || math.Abs(z-c.z) > 0.001 || math.Abs(v-c.tVal) > 0.001 {
			t.Errorf("%v, %v: share %.4f, z %.4f, t %.4f", c.a, c.b, share, z, v)
		}
	}
}

// TestCompare wants what differs to be seen.
func TestCompare(t *testing.T) {
	r := Compare(20, func(int) {}, func(int) { time.Sleep(2 * time.Millisecond) })
	if r.Guess < 0.9 || r.Z < 3 || r.B < 2*time.Millisecond {
		t.Errorf("%+v", r)
	}
}
