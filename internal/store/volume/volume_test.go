package volume

import "testing"

func TestKernelAtLeast(t *testing.T) {
	for release, want := range map[string]bool{
		"6.13.0": true, "6.18.44-1-amd64": true, "6.14-rc1": true, "7.0": true, "10.2.1": true,
		"6.12.99": false, "5.15.0": false, "6": false, "": false, "x.y": false,
	} {
		if got := kernelAtLeast(release, 6, 13); got != want {
			t.Errorf("%q: %t", release, got)
		}
	}
}

func TestOf(t *testing.T) {
	for path, want := range map[string]bool{"/dev/shm": true, "/proc": false} {
		kind, err := Of(path)
		if err != nil {
			t.Skip(err)
		}
		if kind.Local != want {
			t.Errorf("%s: %+v", path, kind)
		}
	}
	if _, err := Of("/no/such/directory"); err == nil {
		t.Error("a directory that is not there has a kind")
	}
}
